/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-daemon.c - see config-file.h: [daemon]. */
#include "core/config-private.h"

#include "core/options.h"
#include "core/severity-rules.h"
#include "core/silence.h"
#include "core/trap-socket.h"
#include "event/error.h"

#include <string.h>
#include <unistd.h>

typedef struct
{
  char *state_dir, *plugin_dir, *collector, *pid_file, *credentials_file;
  gint64 bmcs_per_collector, settle_time, quarantine_time, sel_fill_limit, clock_drift_limit;
  gint64 handler_alarm_after, bmc_alarm_after, journal_limit, minimum_free;
  char *trap_listen;
  char **severities;
  char **silences;
  int log_level;
  gboolean http;
} DaemonSettings;

#define AT(member) G_STRUCT_OFFSET (DaemonSettings, member)
#define A_DAY G_GINT64_CONSTANT (86400000000)

static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug", NULL };
static const IpmidLogLevel log_level_values[]
    = { IPMID_LOG_ERROR, IPMID_LOG_WARNING, IPMID_LOG_NOTICE, IPMID_LOG_INFO, IPMID_LOG_DEBUG };

const IpmidOption config_daemon_options[] = {
  { .key = "state-dir",
    .type = IPMID_OPTION_PATH,
    .offset = AT (state_dir),
    .argument = "DIR",
    .help
    = "Where ipmid keeps what must not be forgotten.  Without it: $STATE_DIRECTORY, which systemd sets; else, for "
      "root, " STATE_DIR "; else ipmid in the user's XDG state directory." },
  { .key = "plugin-dir",
    .type = IPMID_OPTION_PATH,
    .offset = AT (plugin_dir),
    .fallback = PLUGIN_DIR,
    .argument = "DIR",
    .help = "Where the plugins are." },
  { .key = "collector",
    .type = IPMID_OPTION_PATH,
    .offset = AT (collector),
    .fallback = LIBEXEC_DIR "/ipmid-collector",
    .argument = "FILE",
    .help = "The program that talks to the BMCs." },
  { .key = "pid-file",
    .type = IPMID_OPTION_PATH,
    .offset = AT (pid_file),
    .argument = "FILE",
    .help = "Write the process id to this file." },
  { .key = "credentials-file",
    .type = IPMID_OPTION_PATH,
    .offset = AT (credentials_file),
    .argument = "FILE",
    .help
    = "Another file, with [credentials NAME] groups and nothing else.  So the passwords stand apart from the rest, "
      "which others may then read." },
  { .key = "bmcs-per-collector",
    .type = IPMID_OPTION_INTEGER,
    .offset = AT (bmcs_per_collector),
    .fallback = "250",
    .minimum = 1,
    .maximum = 10000,
    .argument = "N",
    .help = "How many BMCs one collector process looks after.  A collector that crashes is a short blindness for its "
            "own BMCs only." },
  { .key = "settle-time",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (settle_time),
    .fallback = "10s",
    .minimum = 0,
    .maximum = A_DAY,
    .argument = "DURATION",
    .help = "How long a BMC must be up or down before that is an event of the kind connection." },
  { .key = "quarantine-time",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (quarantine_time),
    .fallback = "10m",
    .minimum = 1000 * 1000,
    .maximum = A_DAY,
    .argument = "DURATION",
    .help = "How long a BMC that has crashed its collector runs in a collector of its own, before it is let out on "
            "trial." },
  { .key = "sel-fill-limit",
    .type = IPMID_OPTION_INTEGER,
    .offset = AT (sel_fill_limit),
    .fallback = "80",
    .minimum = 0,
    .maximum = 100,
    .argument = "PERCENT",
    .help = "A SEL that is fuller than this is an event of the kind health; 0: not watched." },
  { .key = "clock-drift-limit",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (clock_drift_limit),
    .fallback = "5m",
    .minimum = 0,
    .maximum = 365 * A_DAY,
    .argument = "DURATION",
    .help = "A BMC's clock that differs more than this from ours is an event of the kind health; 0s: not watched." },
  { .key = "handler-alarm-after",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (handler_alarm_after),
    .fallback = "15m",
    .minimum = 0,
    .maximum = 31 * A_DAY,
    .argument = "DURATION",
    .help = "A handler that has failed for so long is an event of the kind health for all handlers; 0s: not watched." },
  { .key = "bmc-alarm-after",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (bmc_alarm_after),
    .fallback = "1h",
    .minimum = 0,
    .maximum = 31 * A_DAY,
    .argument = "DURATION",
    .help = "A BMC that has been away for so long is a critical event of the kind health, after the warning of the "
            "kind connection; 0s: not watched." },
  { .key = "journal-limit",
    .type = IPMID_OPTION_SIZE,
    .offset = AT (journal_limit),
    .fallback = "1G",
    .minimum = 16 * 1024 * 1024,
    .maximum = G_GINT64_CONSTANT (1) << 40,
    .argument = "SIZE",
    .help = "How large the journal may get.  Beyond it SELs are not read, and so keep their records, until 80 % of it "
            "is enough.  From 80 % on that is an event of the kind health." },
  { .key = "minimum-free",
    .type = IPMID_OPTION_SIZE,
    .offset = AT (minimum_free),
    .fallback = "256M",
    .minimum = 0,
    .maximum = G_GINT64_CONSTANT (1) << 40,
    .argument = "SIZE",
    .help = "SELs are not read while less than this, or than a twentieth of the disk if that is less, is free where "
            "the journal is; 0: down to the last byte." },
  { .key = "trap-listen",
    .type = IPMID_OPTION_STRING,
    .offset = AT (trap_listen),
    .argument = "[ADDRESS]:PORT",
    .help = "Take Platform Event Traps here, as in :162, 10.1.2.3:162 or [::1]:162.  A trap makes ipmid read that "
            "BMC's SEL at "
            "once; it is never believed by itself." },
  { .key = "severities",
    .type = IPMID_OPTION_LIST,
    .offset = AT (severities),
    .argument = "TYPE:PATTERN=SEVERITY;…",
    .help = "Other severities than ipmid's own, by sensor type and name, as in Fan:*=info;Temperature:Inlet*=critical; "
            "the first that matches counts.  Readings of sensors follow them, too.  See ipmid-events(7)." },
  { .key = "silences",
    .type = IPMID_OPTION_LIST,
    .offset = AT (silences),
    .argument = "KEY=PATTERN until TIME;…",
    .help = "Until when handlers that notify people keep still about the BMCs with a label, as in site=north until "
            "2026-12-01T08:00Z.  A time without Z or +01:00 is local time." },
  { .key = "log-level",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (log_level),
    .fallback = "info",
    .choices = log_levels,
    .help = "What is important enough for the log." },
  { .key = "http",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (http),
    .fallback = "yes",
    .help = "Whether ipmidctl(1) can talk to this ipmid even if there is no [handler] of ipmid-http(7): on the socket "
            "http in the state directory." },
  { .key = NULL },
};

static gboolean
check_trap_listen (const char *text, GError **error)
{
  if (trap_socket_check (text, error))
    return TRUE;
  g_prefix_error (error, "trap-listen: ");
  return FALSE;
}

/* Root's state is the machine's, another user's is that user's. */
static char *
default_state_dir (void)
{
  const char *state_directory = g_getenv ("STATE_DIRECTORY"), *state_home = g_getenv ("XDG_STATE_HOME");

  if (state_directory != NULL && g_path_is_absolute (state_directory) && strchr (state_directory, ':') == NULL)
    return g_strdup (state_directory);
  if (geteuid () == 0)
    return g_strdup (STATE_DIR);
  if (state_home != NULL && g_path_is_absolute (state_home))
    return g_build_filename (state_home, "ipmid", NULL);
  return g_build_filename (g_get_home_dir (), ".local", "state", "ipmid", NULL);
}

static char *
choose (const char *first, const char *second)
{
  return g_strdup (first != NULL ? first : second);
}

static void
fill (ConfigLoader *loader, DaemonSettings *settings)
{
  CoreConfig *config = loader->config;
  const ConfigOverrides *overrides = loader->overrides;
  g_autofree char *state_dir = default_state_dir ();

  if (!overrides->no_state)
    config->state_dir = choose (overrides->state_dir, settings->state_dir != NULL ? settings->state_dir : state_dir);
  config->plugin_dir = choose (overrides->plugin_dir, settings->plugin_dir);
  config->collector = choose (overrides->collector, settings->collector);
  config->pid_file = choose (overrides->pid_file, settings->pid_file);
  config->bmcs_per_collector = (guint) settings->bmcs_per_collector;
  config->announce = TRUE;
  config->settle_time = settings->settle_time;
  config->quarantine_time = settings->quarantine_time;
  config->sel_fill_limit = settings->sel_fill_limit;
  config->clock_drift_limit = settings->clock_drift_limit;
  config->handler_alarm_after = settings->handler_alarm_after;
  config->bmc_alarm_after = settings->bmc_alarm_after;
  config->journal_limit = settings->journal_limit;
  config->minimum_free = settings->minimum_free;
  config->trap_listen = g_strdup (settings->trap_listen);
  config->severities = g_strdupv (settings->severities);
  config->silences = g_strdupv (settings->silences);
  config->http = settings->http;
  config->log_level = log_level_values[settings->log_level];
  loader->credentials_file = g_strdup (settings->credentials_file);
}

static void
complain (ConfigLoader *loader, const IniGroup *group, const char *key, const GError *error)
{
  config_report_problem (loader, CONFIG_ERROR, group->file, ini_find (group, key)->line, "%s", error->message);
}

static void
check (ConfigLoader *loader, const IniGroup *group, const DaemonSettings *settings)
{
  g_autoptr (GError) error = NULL;
  gint64 until;

  if (settings->trap_listen != NULL && !check_trap_listen (settings->trap_listen, &error))
    complain (loader, group, "trap-listen", error);
  for (char **rule = settings->severities; rule != NULL && *rule != NULL; rule++)
    {
      const char *const one[] = { *rule, NULL };
      g_autoptr (SeverityRules) rules = NULL;

      g_clear_error (&error);
      rules = severity_rules_parse (one, &error);
      if (rules == NULL)
        complain (loader, group, "severities", error);
    }
  for (char **silence = settings->silences; silence != NULL && *silence != NULL; silence++)
    {
      g_clear_error (&error);
      if (silence_check (*silence, &until, &error))
        {
          config_settings_judge_silence (loader, group, "silences", until);
          continue;
        }
      g_prefix_error (&error, "silences: ");
      complain (loader, group, "silences", error);
    }
}

void
config_daemon_take (ConfigLoader *loader, const IniGroup *group)
{
  DaemonSettings settings = { 0 };

  options_init (config_daemon_options, &settings);
  if (group != NULL)
    {
      config_file_set_group (loader, group, config_daemon_options, &settings);
      check (loader, group, &settings);
    }
  fill (loader, &settings);
  options_clear (config_daemon_options, &settings);
}
