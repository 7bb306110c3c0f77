/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* configure.c - see configure.h. */
#include "configure.h"

#include "daemonize.h"
#include "event/text.h"

#include <sysexits.h>

#define LINE_SHOWN_MAX 4096u
#define HTTP "http" /* the plugin, and its handler */

/* The other end of ipmidctl, which every ipmid has that has a place for it. */
static void
add_http (CoreConfig *config, const Cmdline *cmdline, ConfigReport *report)
{
  HandlerConfig *handler;

  if (!config->http || cmdline->no_http || (config->state_dir == NULL && cmdline->socket == NULL))
    return;
  for (guint i = 0; i < config->handlers->len; i++)
    {
      const HandlerConfig *other = config->handlers->pdata[i];

      if (g_str_equal (other->plugin, HTTP))
        return;
      if (!g_str_equal (other->name, HTTP))
        continue;
      g_ptr_array_add (report->warnings, g_strdup ("[handler http] has another plugin than http, so ipmidctl cannot "
                                                   "reach this ipmid: name it otherwise, or say http = no"));
      return;
    }
  handler = core_config_add_handler (config, HTTP, HTTP);
  handler->optional = TRUE;
  if (cmdline->socket != NULL)
    handler_config_set (handler, "socket", cmdline->socket, "--socket");
}

static CoreConfig *
load_file (const Cmdline *cmdline, ConfigReport *report)
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
configure_reload (const Cmdline *cmdline, ConfigReport *report)
{
  CoreConfig *config = load_file (cmdline, report);

  if (config != NULL)
    add_http (config, cmdline, report);
  return config;
}

CoreConfig *
configure_load (Cmdline *cmdline, ConfigReport *report, int *exit_status)
{
  g_autoptr (GError) error = NULL;
  CoreConfig *config;

  if (cmdline->config == NULL)
    {
      if (cmdline_prepare (cmdline, exit_status, &error))
        {
          config = cmdline_to_config (cmdline);
          config->http = TRUE;
          add_http (config, cmdline, report);
          return config;
        }
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
  g_autoptr (CoreConfig) config = load_file (cmdline, report);

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
