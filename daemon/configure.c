/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* configure.c - see configure.h. */
#include "configure.h"

#include "daemonize.h"
#include "event/text.h"

#include <sysexits.h>

#define LINE_SHOWN_MAX 4096u

CoreConfig *
configure_reload (const Cmdline *cmdline, ConfigReport *report)
{
  const ConfigOverrides overrides = {
    .state_dir = cmdline->state_dir,
    .no_state = cmdline->no_state,
    .plugin_dir = cmdline_says (cmdline, "plugin-dir") ? cmdline->plugin_dir : NULL,
    .collector = cmdline_says (cmdline, "collector") ? cmdline->collector : NULL,
    .pid_file = cmdline->pid_file,
  };

  return config_file_load (cmdline->config, &overrides, report);
}

CoreConfig *
configure_load (Cmdline *cmdline, ConfigReport *report, int *exit_status)
{
  g_autoptr (GError) error = NULL;
  CoreConfig *config;

  if (cmdline->config == NULL)
    {
      if (cmdline_prepare (cmdline, exit_status, &error))
        return cmdline_to_config (cmdline);
      daemonize_complain (error->message);
      return NULL;
    }
  config = configure_reload (cmdline, report);
  for (guint i = 0; i < report->errors->len; i++)
    daemonize_complain (report->errors->pdata[i]);
  *exit_status = EX_CONFIG;
  return config;
}

/* As compilers do it, so that an editor finds the place. */
static void
print_lines (const GPtrArray *lines)
{
  for (guint i = 0; i < lines->len; i++)
    {
      g_autofree char *clean = text_clean (lines->pdata[i], -1, LINE_SHOWN_MAX);

      fprintf (stderr, "%s\n", clean);
    }
}

int
configure_check (const Cmdline *cmdline)
{
  g_autoptr (ConfigReport) report = config_report_new ();
  g_autoptr (CoreConfig) config = configure_reload (cmdline, report);

  print_lines (report->errors);
  print_lines (report->warnings);
  if (config == NULL)
    return EX_CONFIG;
  printf ("%s is good: %u BMC%s, %u handler%s, state in %s\n", cmdline->config, config->bmcs->len,
          config->bmcs->len == 1 ? "" : "s", config->handlers->len, config->handlers->len == 1 ? "" : "s",
          config->state_dir != NULL ? config->state_dir : "memory");
  return EX_OK;
}

char *
configure_state_dir (const Cmdline *cmdline, GError **error)
{
  if (cmdline->config == NULL || cmdline->state_dir != NULL)
    return g_strdup (cmdline->state_dir);
  return config_file_state_dir (cmdline->config, error);
}
