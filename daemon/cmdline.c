/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline.c - see cmdline.h: parsing. */
#include "cmdline-private.h"

#include "core/options.h"
#include "event/error.h"

#include <string.h>
#include <unistd.h>

#define AT(member) G_STRUCT_OFFSET (Cmdline, member)

const char *const cmdline_formats[] = { "eventd", "json", NULL };
static const char *const on_exits[] = { "stop", "restart", NULL };

const IpmidOption cmdline_options[] = {
  { .key = "config",
    .type = IPMID_OPTION_PATH,
    .offset = AT (config),
    .argument = "FILE",
    .help = "watch the BMCs of this configuration file" },
  { .key = "check",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (check),
    .help = "with -c: only say what is wrong with the file" },
  { .key = "test-handler",
    .type = IPMID_OPTION_STRING,
    .offset = AT (test_handler),
    .argument = "NAME",
    .help = "with -c: send one test event through this handler of the file" },
  { .key = "import",
    .type = IPMID_OPTION_PATH,
    .offset = AT (import),
    .argument = "FILE",
    .help = "print a configuration file for this server list of IPMI Monitor" },
  { .key = "credentials-file",
    .type = IPMID_OPTION_PATH,
    .offset = AT (credentials_file),
    .argument = "FILE",
    .help = "with --import: where to write its passwords" },
  { .key = "outfile",
    .type = IPMID_OPTION_PATH,
    .offset = AT (outfile),
    .argument = "FILE",
    .help = "append all events to this file" },
  { .key = "handler",
    .type = IPMID_OPTION_STRING,
    .offset = AT (handler),
    .argument = "PLUGIN",
    .help = "hand events to this plugin; its options follow as KEY=VALUE" },
  { .key = "exec-now",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (exec_now),
    .help = "start the program now and feed it all events" },
  { .key = "event-stdin",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (event_stdin),
    .help = "give each event to the program's standard input" },
  { .key = "delete-events",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (delete_events),
    .help = "delete events from the SEL once they are handled" },
  { .key = "dont-daemonize",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (dont_daemonize),
    .help = "stay in the foreground" },
  { .key = "debug",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (debug),
    .help = "stay in the foreground and log everything to standard error" },
  { .key = "acknowledge",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (acknowledge),
    .help = "with -k: the program answers OK, RETRY or REJECT for each event" },
  { .key = "on-exit",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (on_exit),
    .choices = on_exits,
    .argument = "stop|restart",
    .help = "with -k: what to do when the program ends" },
  { .key = "timeout",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (timeout),
    .fallback = "5m",
    .minimum = 100 * 1000,
    .maximum = G_GINT64_CONSTANT (86400000000),
    .argument = "DURATION",
    .help = "how long the program may take for one event (5m)" },
  { .key = "attempts",
    .type = IPMID_OPTION_INTEGER,
    .offset = AT (attempts),
    .fallback = "3",
    .maximum = 1000000,
    .argument = "N",
    .help = "how often an event may fail before it is set aside (3; 0: no limit)" },
  { .key = "format",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (format),
    .choices = cmdline_formats,
    .argument = "eventd|json",
    .help = "how events are written (eventd)" },
  { .key = "existing",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (existing),
    .help = "deliver also what stood in the SEL before the first contact" },
  { .key = "dry-run",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (dry_run),
    .help = "with -e: only say what would be deleted" },
  { .key = "allow-clear",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (allow_clear),
    .help = "with -e: clear the SEL of a BMC that cannot delete single records" },
  { .key = "sel-interval",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (sel_interval),
    .fallback = "2s",
    .minimum = 50 * 1000,
    .maximum = G_GINT64_CONSTANT (86400000000),
    .argument = "DURATION",
    .help = "how often to look whether the SEL has grown (2s)" },
  { .key = "trap-listen",
    .type = IPMID_OPTION_STRING,
    .offset = AT (trap_listen),
    .argument = "[ADDRESS]:PORT",
    .help = "read the SEL at once when a Platform Event Trap comes in here" },
  { .key = "state-dir",
    .type = IPMID_OPTION_PATH,
    .offset = AT (state_dir),
    .argument = "DIR",
    .help = "where to keep what must not be forgotten" },
  { .key = "no-state",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (no_state),
    .help = "keep it in memory: a restart forgets it" },
  { .key = "socket",
    .type = IPMID_OPTION_PATH,
    .offset = AT (socket),
    .argument = "PATH",
    .help = "where ipmidctl finds this ipmid (http in the state directory)" },
  { .key = "no-http",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (no_http),
    .help = "no such socket: ipmidctl does not find it" },
  { .key = "pid-file",
    .type = IPMID_OPTION_PATH,
    .offset = AT (pid_file),
    .argument = "FILE",
    .help = "write the process id to this file" },
  { .key = "plugin-dir",
    .type = IPMID_OPTION_PATH,
    .offset = AT (plugin_dir),
    .fallback = PLUGIN_DIR,
    .argument = "DIR",
    .help = "where the plugins are (" PLUGIN_DIR ")" },
  { .key = "collector",
    .type = IPMID_OPTION_PATH,
    .offset = AT (collector),
    .fallback = LIBEXEC_DIR "/ipmid-collector",
    .argument = "FILE",
    .help = "the program that talks to the BMC" },
  { .key = "status",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (status),
    .help = "show what the running ipmid of this domain is doing" },
  { .key = "dead-letters",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (dead_letters),
    .help = "show the events that could not be delivered" },
  { .key = "help", .type = IPMID_OPTION_BOOLEAN, .offset = AT (help), .help = "show this" },
  { .key = "version", .type = IPMID_OPTION_BOOLEAN, .offset = AT (version), .help = "show the version" },
  { .key = NULL },
};
G_STATIC_ASSERT (G_N_ELEMENTS (cmdline_options) <= 64);

typedef struct
{
  char letter;
  const char *key;
} Letter;

static const Letter letters[] = {
  { 'c', "config" },         { 'f', "outfile" }, { 'k', "exec-now" }, { 'i', "event-stdin" }, { 'e', "delete-events" },
  { 'b', "dont-daemonize" }, { 'd', "debug" },   { 'h', "help" },     { 'V', "version" },
};

/* ------------------------------------------------------------------ options */

static const char *
key_of_letter (char letter)
{
  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    if (letters[i].letter == letter)
      return letters[i].key;
  return NULL;
}

static char
letter_of_key (const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    if (g_str_equal (letters[i].key, key))
      return letters[i].letter;
  return '\0';
}

gboolean
cmdline_says (const Cmdline *cmdline, const char *key)
{
  const IpmidOption *option = options_find (cmdline_options, key);

  return (cmdline->given >> (option - cmdline_options) & 1) != 0;
}

/* "-be" for "-b -e". */
static gboolean
is_bundle (const char *argument)
{
  const char *c = argument + 1;

  while (*c != '\0' && key_of_letter (*c) != NULL)
    c++;
  return strlen (argument) > 2 && *c == '\0';
}

static gboolean
refuse_option (const char *argument, GError **error)
{
  const char *word = argument + strspn (argument, "-");
  g_autofree char *key = g_strndup (word, strcspn (word, "="));
  const char *nearest = strlen (key) > 1 ? options_nearest (cmdline_options, key) : NULL;

  if (connection_is_lan_option (argument))
    return error_usage (error, "'%s' is a connection parameter: it stands between 'lan' and the host", argument);
  if (is_bundle (argument))
    return error_usage (error, "'%s' is not known: give each option by itself, '-%c -%c'", argument, argument[1],
                        argument[2]);
  if (nearest != NULL)
    return error_usage (error, "'%s' is not known: did you mean --%s?", argument, nearest);
  return error_usage (error, "'%s' is not known: 'ipmid --help' shows what is", argument);
}

/* The option that argv names, and the value that came with it ("--key=value"). */
static const IpmidOption *
find_option (const char *argument, const char **value)
{
  g_autofree char *key = NULL;
  const char *equals = strchr (argument, '=');

  *value = NULL;
  if (argument[1] != '-')
    {
      const char *name = argument[1] != '\0' && argument[2] == '\0' ? key_of_letter (argument[1]) : NULL;

      return name != NULL ? options_find (cmdline_options, name) : NULL;
    }
  if (equals != NULL)
    *value = equals + 1;
  key = equals != NULL ? g_strndup (argument + 2, (gsize) (equals - argument - 2)) : g_strdup (argument + 2);
  return options_find (cmdline_options, key);
}

static gboolean
set_option (Cmdline *cmdline, const IpmidOption *option, const char *value, GError **error)
{
  g_autofree char *path = NULL;

  if (option->type == IPMID_OPTION_PATH)
    {
      if (*value == '\0')
        return error_usage (error, "--%s: a name is missing", option->key);
      value = path = g_canonicalize_filename (value, NULL);
    }
  cmdline->given |= G_GUINT64_CONSTANT (1) << (option - cmdline_options);
  if (options_set (option, cmdline, value, error))
    return TRUE;
  g_prefix_error (error, "--");
  return FALSE;
}

static gboolean
parse_option (Cmdline *cmdline, int argc, char **argv, int *index, GError **error)
{
  const char *argument = argv[(*index)++], *value;
  const IpmidOption *option = find_option (argument, &value);

  if (option == NULL)
    return refuse_option (argument, error);
  if (value == NULL && option->type == IPMID_OPTION_BOOLEAN)
    value = "yes";
  if (value == NULL && *index >= argc)
    return error_usage (error, "%s needs a value: %s", argument, option->argument);
  return set_option (cmdline, option, value != NULL ? value : argv[(*index)++], error);
}

/* All options that stand here, up to "--" or a word. */
static gboolean
parse_options (Cmdline *cmdline, int argc, char **argv, int *index, GError **error)
{
  while (*index < argc && argv[*index][0] == '-')
    {
      if (g_str_equal (argv[*index], "--"))
        {
          (*index)++;
          return TRUE;
        }
      if (!parse_option (cmdline, argc, argv, index, error))
        return FALSE;
    }
  return TRUE;
}

/* ------------------------------------------------------------------- public */

/* Root's state is the machine's, another user's is that user's. */
static char *
default_state_dir (const char *domain)
{
  const char *state_home = g_getenv ("XDG_STATE_HOME");

  if (geteuid () == 0)
    return g_build_filename (STATE_DIR, domain, NULL);
  if (state_home != NULL && g_path_is_absolute (state_home))
    return g_build_filename (state_home, "ipmid", domain, NULL);
  return g_build_filename (g_get_home_dir (), ".local", "state", "ipmid", domain, NULL);
}

/* What follows from other options. */
static void
complete (Cmdline *cmdline)
{
  if (cmdline->state_dir == NULL && !cmdline->no_state)
    cmdline->state_dir = default_state_dir (cmdline->domain);
  if (cmdline->connection != NULL)
    cmdline->connection->sel_interval = cmdline->sel_interval;
  if (cmdline->acknowledge)
    {
      cmdline->format = 1; /* json */
      if (!cmdline_says (cmdline, "on-exit"))
        cmdline->on_exit = 1; /* restart */
    }
}

/* The connection and what stands after it. */
static gboolean
parse_rest (Cmdline *cmdline, int argc, char **argv, int *index, GError **error)
{
  cmdline->connection = connection_parse_arguments (argc, argv, index, error);
  if (cmdline->connection == NULL || !parse_options (cmdline, argc, argv, index, error))
    return FALSE;
  if (*index < argc)
    cmdline->program = g_strdupv (argv + *index);
  return TRUE;
}

static gboolean
parse (Cmdline *cmdline, int argc, char **argv, GError **error)
{
  int index = 1;

  if (!parse_options (cmdline, argc, argv, &index, error))
    return FALSE;
  if (cmdline->help || cmdline->version)
    return TRUE;
  if (cmdline_is_for_config (cmdline))
    return cmdline_check_config (cmdline, index < argc ? argv[index] : NULL, error);
  if (index >= argc)
    return error_usage (error, "the name of the domain is missing: 'ipmid --help' shows how to call ipmid");
  cmdline->domain = g_strdup (argv[index++]);
  if (!core_config_check_name (cmdline->domain, "a domain", error)
      || !parse_options (cmdline, argc, argv, &index, error))
    return FALSE;
  /* A question needs no connection, but does not mind one. */
  if ((index < argc || !cmdline_is_question (cmdline)) && !parse_rest (cmdline, argc, argv, &index, error))
    return FALSE;
  if (!cmdline_check_domain (cmdline, error))
    return FALSE;
  complete (cmdline);
  return TRUE;
}

Cmdline *
cmdline_parse (int argc, char **argv, GError **error)
{
  g_autoptr (Cmdline) cmdline = g_new0 (Cmdline, 1);

  options_init (cmdline_options, cmdline);
  if (!parse (cmdline, argc, argv, error))
    return NULL;
  return g_steal_pointer (&cmdline);
}

void
cmdline_free (Cmdline *cmdline)
{
  if (cmdline == NULL)
    return;
  options_clear (cmdline_options, cmdline);
  connection_free (cmdline->connection);
  g_strfreev (cmdline->program);
  g_free (cmdline->domain);
  g_free (cmdline);
}

void
cmdline_print_help (FILE *out)
{
  fputs ("Usage: ipmid DOMAIN CONNECTION [OPTION]... PROGRAM [PARAMETER]...\n"
         "       ipmid DOMAIN CONNECTION [OPTION]... -f FILE\n"
         "       ipmid DOMAIN CONNECTION [OPTION]... --handler PLUGIN [KEY=VALUE]...\n"
         "       ipmid DOMAIN --status | --dead-letters [--state-dir DIR]\n"
         "       ipmid -c FILE [-b|-d] [--check | --test-handler NAME | --status | --dead-letters]\n"
         "       ipmid --import FILE [--credentials-file FILE]\n"
         "Watches BMCs over IPMI and hands their events on; none is lost.\n\n"
         "DOMAIN is a name for the BMC.  CONNECTION is one of\n"
         "  lan [-U USER] [-P PASSWORD] [-p PORT] [-p2 PORT] [-A AUTHTYPE] [-L PRIVILEGE]\n"
         "      [-s] [-Ra ALGORITHM] [-Ri ALGORITHM] [-Rc ALGORITHM] [-Rl] [-Rk BMC-KEY]\n"
         "      [-H HACK] [-4] [-6] [-M MESSAGES] HOST [HOST]\n"
         "  smi NUMBER\n\n"
         "Options:\n",
         out);
  for (const IpmidOption *option = cmdline_options; option->key != NULL; option++)
    {
      char letter = letter_of_key (option->key);
      g_autofree char *names = g_strdup_printf (
          "%s%c%s--%s%s%s", letter != '\0' ? "-" : " ", letter != '\0' ? letter : ' ', letter != '\0' ? ", " : "  ",
          option->key, option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : "");

      fprintf (out, "  %-30s %s\n", names, option->help);
    }
  fputs ("\nWith openipmi_eventd's arguments, ipmid does what openipmi_eventd does; see ipmid(8).\n", out);
}
