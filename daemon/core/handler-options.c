/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handler-options.c - the keys that every handler takes, and what they mean; see handler.h. */
#include "core/handler-private.h"

#include "core/options.h"
#include "event/error.h"

#define OPTION(member) G_STRUCT_OFFSET (HandlerOptions, member)

#define SEVERITIES (event_severities + IPMID_SEVERITY_OK) /* the choice is IpmidSeverity - 1 */

static const char *const directions[] = { "any", "assert", "deassert", NULL }; /* FilterDirection */
static const char *const quiet_keys[] = { "state", "sensor", "bmc", NULL };    /* QuietBy */
static const char *const answers[] = { "auto", "yes", "no", NULL };            /* HANDLER_AUTO … */

/* clang-format off */
const IpmidOption handler_options[] = {
  { "required", IPMID_OPTION_BOOLEAN, OPTION (required), "yes", FALSE, 0, 0, NULL, "yes|no",
    "Deletion of a record from the SEL waits until this handler has handled it." },
  { "existing", IPMID_OPTION_BOOLEAN, OPTION (existing), NULL, FALSE, 0, 0, NULL, "yes|no",
    "Also take records that stood in the SEL before ipmid first met the BMC. "
    "If it is not given: yes for handlers that keep events, such as file; no for all others." },
  { "kinds", IPMID_OPTION_LIST, OPTION (kinds), NULL, FALSE, 0, 0, NULL, "KIND;…",
    "Take events of these kinds only: threshold, discrete, unknown, connection, message, gap, health. "
    "With ! before it: not of this kind. If it is not given: of all kinds." },
  { "severity", IPMID_OPTION_CHOICE, OPTION (severity), "ok", FALSE, 0, 0, SEVERITIES, "ok|info|warning|critical",
    "Take events of this severity and worse only." },
  { "bmcs", IPMID_OPTION_LIST, OPTION (bmcs), NULL, FALSE, 0, 0, NULL, "PATTERN;…",
    "Take events of these BMCs only, by name. In all patterns * stands for any text, ? for one character, "
    "case does not matter, and ! before a pattern excludes what it matches." },
  { "labels", IPMID_OPTION_LIST, OPTION (labels), NULL, FALSE, 0, 0, NULL, "KEY=PATTERN;…",
    "Take events of BMCs with these labels only. Patterns for the same key are alternatives; "
    "one for each key has to match." },
  { "sensors", IPMID_OPTION_LIST, OPTION (sensors), NULL, FALSE, 0, 0, NULL, "PATTERN;…",
    "Take events of these sensors only, by name." },
  { "sensor-types", IPMID_OPTION_LIST, OPTION (sensor_types), NULL, FALSE, 0, 0, NULL, "TYPE;…",
    "Take events of these types of sensors only: patterns of the names in the IPMI specification's table 42-3, "
    "or numbers, as in \"Temperature;Memory;0xc1\"." },
  { "direction", IPMID_OPTION_CHOICE, OPTION (direction), "any", FALSE, 0, 0, directions, "any|assert|deassert",
    "Take assertions only, or deassertions only. An event that has no direction counts as an assertion." },
  { "quiet", IPMID_OPTION_DURATION, OPTION (quiet), "0", FALSE, 0, 31 * G_TIME_SPAN_DAY, NULL, "DURATION",
    "Tell at most once in this time that the same state of the same sensor of the same BMC began. "
    "Further events are counted, not handed over. If the state has changed and is still so when the time ends, "
    "that is told then. 0 means no quiet time." },
  { "quiet-by", IPMID_OPTION_CHOICE, OPTION (quiet_by), "state", FALSE, 0, 0, quiet_keys, "state|sensor|bmc",
    "What a quiet time is for: each state of each sensor, each sensor, or each BMC." },
  { "recovery", IPMID_OPTION_CHOICE, OPTION (recovery), "auto", FALSE, 0, 0, answers, "auto|yes|no",
    "Tell when a state ended whose beginning was told: once, at once, and whatever the filter says of the event. "
    "Auto means yes if there is a quiet time or a severity, unless direction says otherwise." },
  { "silence", IPMID_OPTION_CHOICE, OPTION (silence), "auto", FALSE, 0, 0, answers, "auto|yes|no",
    "Keep still about a BMC while it is silenced. Auto means yes for handlers that notify people, "
    "and no for all others, such as file and exec. Readings of sensors are handed over all the same." },
  { "batch", IPMID_OPTION_INTEGER, OPTION (batch), "64", FALSE, 1, 4096, NULL, "NUMBER",
    "How many events the handler gets in one call at most." },
  { "workers", IPMID_OPTION_INTEGER, OPTION (workers), "1", FALSE, 1, 64, NULL, "NUMBER",
    "How many calls may run at once, for handlers that can do that, such as exec. Each is for one BMC, whose events "
    "keep their order, and each has a program or connection of its own." },
  { "linger", IPMID_OPTION_DURATION, OPTION (linger), "0s", FALSE, 0, G_TIME_SPAN_MINUTE, NULL, "DURATION",
    "How long to wait for more events before a batch that is not full is handed over." },
  { "attempts", IPMID_OPTION_INTEGER, OPTION (attempts), "0", FALSE, 0, G_MAXINT32, NULL, "NUMBER",
    "After so many failures an event becomes a dead letter; 0 means that it is tried for ever.  Of an event that makes "
    "ipmid itself crash see ipmid-plugin(7)." },
  { "timeout", IPMID_OPTION_DURATION, OPTION (timeout), "60s", FALSE, G_USEC_PER_SEC / 10, G_TIME_SPAN_DAY, NULL,
    "DURATION", "How long the handler may take for one batch." },
  { "retry-min", IPMID_OPTION_DURATION, OPTION (retry_min), "1s", FALSE, 1000, G_TIME_SPAN_HOUR, NULL, "DURATION",
    "The pause after a first failure; it doubles with every further one." },
  { "retry-max", IPMID_OPTION_DURATION, OPTION (retry_max), "5m", FALSE, 1000, G_TIME_SPAN_DAY, NULL, "DURATION",
    "The longest pause between two attempts." },
  { "quota", IPMID_OPTION_INTEGER, OPTION (quota), "1000000", FALSE, 1, G_MAXINT64, NULL, "NUMBER",
    "How many events may wait for this handler, and how many dead letters it may have; beyond it new ones are not "
    "kept for it." },
  { "heartbeat", IPMID_OPTION_DURATION, OPTION (heartbeat), "0s", FALSE, 0, 31 * G_TIME_SPAN_DAY, NULL, "DURATION",
    "Send a sign of life through this handler so often, an event of the kind health and the severity ok, whatever "
    "its filter says; so that silence is noticed at the other end. 0s means none." },
  { "readings-sensors", IPMID_OPTION_LIST, OPTION (readings_sensors), NULL, FALSE, 0, 0, NULL, "PATTERN;…",
    "Take readings of these sensors only, by name: patterns as those of sensors." },
  { .key = NULL }
};
/* clang-format on */

void
handler_options_init (HandlerOptions *options, guint32 flags)
{
  options_init (handler_options, options);
  options->filter = (Filter){ .kinds = FILTER_ALL_KINDS };
  options->existing = (flags & IPMID_PLUGIN_STORE) != 0;
}

/* Only checked here: who takes readings compiles it (core/readings.h). */
static gboolean
check_patterns (G_GNUC_UNUSED Filter *filter, const char *const *words, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (PatternList) list = pattern_list_new (words, &local);

  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Lists that are compiled as soon as they are set, so that a mistake is reported
 * with its place. */
static const struct
{
  gsize offset;
  gboolean (*set) (Filter *filter, const char *const *words, GError **error);
} filter_lists[] = {
  { OPTION (kinds), filter_set_kinds },
  { OPTION (bmcs), filter_set_bmcs },
  { OPTION (labels), filter_set_labels },
  { OPTION (sensors), filter_set_sensors },
  { OPTION (sensor_types), filter_set_sensor_types },
  { OPTION (readings_sensors), check_patterns },
};

static gboolean
compile_list (HandlerOptions *options, const IpmidOption *option, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (filter_lists); i++)
    if (filter_lists[i].offset == option->offset
        && !filter_lists[i].set (&options->filter, *(const char *const **) G_STRUCT_MEMBER_P (options, option->offset),
                                 error))
      {
        g_prefix_error (error, "%s: ", option->key);
        return FALSE;
      }
  return TRUE;
}

gboolean
handler_options_set (HandlerOptions *options, const IpmidOption *option, const char *value, GError **error)
{
  return options_set (option, options, value, error)
         && (option->type != IPMID_OPTION_LIST || compile_list (options, option, error));
}

static gboolean
answer (int choice, gboolean automatic)
{
  return choice == HANDLER_AUTO ? automatic : choice == HANDLER_YES;
}

/* For a handler that tells nobody anything, or keeps no account of it. */
static gboolean
refuse_notifications (HandlerOptions *options, GError **error)
{
  if (options->quiet > 0 || options->heartbeat > 0 || options->recovery == HANDLER_YES
      || options->silence == HANDLER_YES)
    {
      g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                           "quiet, recovery, silence and heartbeat are for notifications, and this handler makes none");
      return FALSE;
    }
  options->rule = (QuietRule){ 0 };
  return TRUE;
}

/* A finalizer acts on what the others have handled, whatever that is. */
static gboolean
finish_finalizer (HandlerOptions *options, GError **error)
{
  options->filter.kinds &= FILTER_RECORD_KINDS;
  options->filter.existing = TRUE;
  return refuse_notifications (options, error);
}

gboolean
handler_options_finish (HandlerOptions *options, const IpmidPlugin *plugin, GError **error)
{
  gboolean filters = options->quiet > 0 || options->severity + 1 > IPMID_SEVERITY_OK;

  options->filter.existing = options->existing;
  options->filter.severity = (IpmidSeverity) (options->severity + 1);
  options->filter.direction = (FilterDirection) options->direction;
  options->rule = (QuietRule){
    .time = options->quiet,
    .by = (QuietBy) options->quiet_by,
    .recovery = answer (options->recovery, filters && options->direction == FILTER_ANY_DIRECTION),
    .silence = answer (options->silence, (plugin->flags & IPMID_PLUGIN_NOTIFIER) != 0),
  };
  if ((plugin->flags & IPMID_PLUGIN_LIVE) != 0)
    return refuse_notifications (options, error);
  return (plugin->flags & IPMID_PLUGIN_FINALIZER) == 0 || finish_finalizer (options, error);
}

void
handler_options_clear (HandlerOptions *options)
{
  options_clear (handler_options, options);
  filter_clear (&options->filter);
}
