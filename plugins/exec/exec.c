/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exec.c - hands events to a program; see exec.h. */
#include "exec.h"

#include <string.h>

G_STATIC_ASSERT (IPMID_FORMAT_EVENTD == 0 && IPMID_FORMAT_JSON == 1);

static const char *const inputs[] = { "arguments", "stdin", "persistent", "acknowledge", NULL };
static const char *const formats[] = { "eventd", "json", NULL };
static const char *const on_exits[] = { "restart", "stop", NULL };

static const IpmidOption options[] = {
  { .key = "program",
    .type = IPMID_OPTION_PATH,
    .offset = G_STRUCT_OFFSET (Exec, program),
    .required = TRUE,
    .argument = "PATH",
    .help = "The program to run, directly and without a shell." },
  { .key = "arguments",
    .type = IPMID_OPTION_LIST,
    .offset = G_STRUCT_OFFSET (Exec, arguments),
    .argument = "WORD;...",
    .help = "Arguments for the program, before those that ipmid adds." },
  { .key = "input",
    .type = IPMID_OPTION_CHOICE,
    .offset = G_STRUCT_OFFSET (Exec, input),
    .fallback = "stdin",
    .choices = inputs,
    .argument = "HOW",
    .help
    = "How the program gets events: \"arguments\" runs it once for each event, which is in its arguments; \"stdin\" "
      "runs it once for each event, which is its standard input; \"persistent\" starts it once and writes all events "
      "to its standard input; \"acknowledge\" does so too, and the program answers for each." },
  { .key = "format",
    .type = IPMID_OPTION_CHOICE,
    .offset = G_STRUCT_OFFSET (Exec, format),
    .fallback = "json",
    .choices = formats,
    .argument = "FORMAT",
    .help
    = "How an event is written: \"json\" is one line of JSON, \"eventd\" the words of openipmi_eventd.  It has no "
      "words for ipmid's own kinds of events: those count as handled, and the program does not see them." },
  { .key = "time-limit",
    .type = IPMID_OPTION_DURATION,
    .offset = G_STRUCT_OFFSET (Exec, time_limit),
    .fallback = "30s",
    .minimum = 0,
    .maximum = G_TIME_SPAN_DAY,
    .argument = "DURATION",
    .help
    = "How long the program may take for one event; if it is started once, how long it may neither read nor answer.  "
      "Then its whole process group is ended and the event tried again.  The handler's timeout, which is for a whole "
      "batch, limits it as well; 0 means nothing else does." },
  { .key = "on-exit",
    .type = IPMID_OPTION_CHOICE,
    .offset = G_STRUCT_OFFSET (Exec, on_exit),
    .fallback = "restart",
    .choices = on_exits,
    .argument = "WHAT",
    .help
    = "What happens when a program that is started once ends: it is started again, after a pause that grows, or ipmid "
      "stops with status 1, as openipmi_eventd does.  With \"stop\" a program that does not read is not ended." },
  { .key = "user",
    .type = IPMID_OPTION_STRING,
    .offset = G_STRUCT_OFFSET (Exec, user),
    .argument = "NAME",
    .help = "The user to run the program as, with the groups that this user has and no capabilities.  ipmid has to be "
            "root for that, or to have the capabilities CAP_SETUID, CAP_SETGID and CAP_KILL.  If it is not given, the "
            "program runs as ipmid's own user." },
  { .key = NULL },
};

GPtrArray *
exec_argv (const Exec *exec, guint more)
{
  guint n_arguments = exec->arguments != NULL ? g_strv_length (exec->arguments) : 0;
  GPtrArray *argv = g_ptr_array_sized_new (n_arguments + more + 2);

  g_ptr_array_add (argv, exec->program);
  for (guint i = 0; i < n_arguments; i++)
    g_ptr_array_add (argv, exec->arguments[i]);
  return argv;
}

gint64
exec_time_limit (const Exec *exec)
{
  return exec->time_limit > 0 ? g_get_monotonic_time () + exec->time_limit : G_MAXINT64;
}

static gboolean
exec_check (gpointer state, GError **error)
{
  const Exec *exec = state;

  g_autoptr (Identity) identity = NULL;

  if (exec->input == EXEC_INPUT_ACKNOWLEDGE && exec->format != IPMID_FORMAT_JSON)
    {
      g_set_error (
          error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
          "input = acknowledge needs format = json: in the words of openipmi_eventd an event has no id to answer for");
      return FALSE;
    }
  if (exec->user == NULL)
    return TRUE;
  identity = identity_new (exec->user, error);
  return identity != NULL && identity_may_change (exec->user, error);
}

/* Nothing of ipmid's own environment reaches the program. */
static char **
base_environment (const Identity *identity)
{
  GPtrArray *environment = g_ptr_array_new ();

  g_ptr_array_add (environment, g_strdup ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  /* The character set alone: everything else of C.UTF-8 is as in C, but would
   * cost a program a dozen more files to read each time it starts. */
  g_ptr_array_add (environment, g_strdup ("LC_CTYPE=C.UTF-8"));
  g_ptr_array_add (environment, g_strconcat ("HOME=", identity != NULL ? identity->home : g_get_home_dir (), NULL));
  if (identity != NULL)
    {
      g_ptr_array_add (environment, g_strconcat ("USER=", identity->name, NULL));
      g_ptr_array_add (environment, g_strconcat ("LOGNAME=", identity->name, NULL));
    }
  g_ptr_array_add (environment, NULL);
  return (char **) g_ptr_array_free (environment, FALSE);
}

static void
exec_close (gpointer state)
{
  Exec *exec = state;

  g_clear_pointer (&exec->persist, persist_free);
  g_clear_pointer (&exec->environment, g_strfreev);
  g_clear_pointer (&exec->identity, identity_free);
}

static gboolean
exec_open (gpointer state, IpmidHost *host, GError **error)
{
  Exec *exec = state;

  exec->host = host;
  if (exec->user != NULL)
    {
      exec->identity = identity_new (exec->user, error);
      if (exec->identity == NULL)
        return FALSE;
    }
  identity_keep_capabilities ();
  exec->environment = base_environment (exec->identity);
  if (exec->input == EXEC_INPUT_ARGUMENTS || exec->input == EXEC_INPUT_STDIN)
    return TRUE;
  exec->persist = persist_new (exec);
  if (persist_start (exec->persist, error))
    return TRUE;
  exec_close (exec);
  return FALSE;
}

static void
exec_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Exec *exec = state;

  if (exec->persist != NULL)
    persist_deliver (exec->persist, batch, verdicts);
  else
    run_deliver (exec, batch, verdicts);
}

static void
exec_idle (gpointer state, IpmidIdle *idle)
{
  Exec *exec = state;

  if (exec->persist != NULL)
    persist_idle (exec->persist, idle);
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "exec",
  .version = PLUGIN_VERSION,
  .summary = "hand events to a program",
  .flags = IPMID_PLUGIN_WORKERS,
  .state_size = sizeof (Exec),
  .options = options,
  .check = exec_check,
  .open = exec_open,
  .deliver = exec_deliver,
  .idle = exec_idle,
  .close = exec_close,
};
