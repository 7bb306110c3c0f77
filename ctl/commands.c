/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* commands.c - the table of commands; see ctl.h. */
#include "ctl.h"

#define AT(member) G_STRUCT_OFFSET (CtlOptions, member)

const char *const ctl_severities[] = { "any", "ok", "info", "warning", "critical", NULL };
const char *const ctl_kinds[]
    = { "any", "threshold", "discrete", "unknown", "connection", "message", "gap", "health", NULL };

char
ctl_letter (const char *key)
{
  static const struct
  {
    const char *key;
    char letter;
  } letters[] = { { "config", 'c' }, { "help", 'h' }, { "version", 'V' }, { "follow", 'f' },
                  { "limit", 'n' },  { "json", 'j' }, { "yes", 'y' } };

  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    if (g_str_equal (letters[i].key, key))
      return letters[i].letter;
  return '\0';
}

/* clang-format off */
#define FLAG(key_, member, help_) { .key = key_, .type = IPMID_OPTION_BOOLEAN, .offset = AT (member), .help = help_ }
#define TEXT(key_, member, argument_, help_) \
  { .key = key_, .type = IPMID_OPTION_STRING, .offset = AT (member), .argument = argument_, .help = help_ }
#define PATH(key_, member, argument_, help_) \
  { .key = key_, .type = IPMID_OPTION_PATH, .offset = AT (member), .argument = argument_, .help = help_ }
#define CHOICE(key_, member, words, argument_, help_) \
  { .key = key_, .type = IPMID_OPTION_CHOICE, .offset = AT (member), .fallback = "any", .choices = words, \
    .argument = argument_, .help = help_ }
#define LIMIT(maximum_) \
  { .key = "limit", .type = IPMID_OPTION_INTEGER, .offset = AT (limit), .minimum = 1, .maximum = maximum_, \
    .argument = "NUMBER", .help = "at most so many, the latest ones" }
#define YES FLAG ("yes", yes, "do not ask")
#define END { .key = NULL }

const IpmidOption ctl_options[] = {
  PATH ("config", config, "FILE", "the ipmid of this configuration file"),
  PATH ("state-dir", state_dir, "DIR", "the ipmid with this state directory"),
  TEXT ("domain", domain, "NAME", "the ipmid that was started for this domain"),
  PATH ("socket", socket, "PATH", "the ipmid that serves this socket"),
  FLAG ("json", json, "print JSON, for programs"),
  FLAG ("help", help, "show this"),
  FLAG ("version", version, "show the version"),
  END,
};

static const IpmidOption events_options[] = {
  FLAG ("follow", follow, "go on with what comes"),
  TEXT ("bmc", bmc, "BMC", "of this BMC only"),
  CHOICE ("severity", severity, ctl_severities, "SEVERITY", "of this severity or worse: ok, info, warning, critical"),
  CHOICE ("kind", kind, ctl_kinds, "KIND",
          "of this kind: threshold, discrete, unknown, connection, message, gap, health"),
  TEXT ("sensor", sensor, "NAME", "of this sensor only"),
  TEXT ("text", text, "WORDS", "whose sentence has words that begin like these"),
  TEXT ("since", since, "TIME", "not before this time, or so long ago: 2h"),
  TEXT ("until", until, "TIME", "before this time"),
  LIMIT (1000000),
  END,
};
static const IpmidOption dead_options[] = {
  TEXT ("handler", handler, "HANDLER", "of this handler only"),
  LIMIT (100000),
  END,
};
static const IpmidOption replay_options[] = { FLAG ("all", all, "all of this handler's"), END };
static const IpmidOption drop_options[] = { FLAG ("all", all, "all of this handler's"), YES, END };
static const IpmidOption clear_options[]
    = { YES, FLAG ("force", force, "also what is not handled yet"), END };
static const IpmidOption power_options[] = { YES, END };
static const IpmidOption log_options[]
    = { CHOICE ("severity", severity, ctl_severities, "SEVERITY", "how bad it is: ok, info, warning, critical"), END };
static const IpmidOption backfill_options[] = { TEXT ("since", since, "TIME", "not before this time, or so long ago: 2h"), END };

const CtlCommand ctl_commands[] = {
  { "status", "", 0, 0, NULL, show_status, "what ipmid, its collectors and its handlers are doing" },
  { "bmcs", "", 0, 0, NULL, show_bmcs, "all BMCs" },
  { "events", "", 0, 0, events_options, show_events, "the latest events, and with --follow those to come" },
  { "sensors", "BMC", 1, 1, NULL, show_sensors, "the sensors of a BMC, and what they read last" },
  { "dead list", "", 0, 0, dead_options, show_dead_list, "events that could not be delivered" },
  { "dead show", "HANDLER EVENT", 2, 2, NULL, show_dead, "one of them" },
  { "dead replay", "HANDLER [EVENT]", 1, 2, replay_options, do_dead_replay, "deliver one, or --all, after all" },
  { "dead drop", "HANDLER [EVENT]", 1, 2, drop_options, do_dead_drop, "forget one, or --all" },
  { "rescan", "BMC", 1, 1, NULL, do_rescan, "read the whole SEL of a BMC again" },
  { "clear-sel", "BMC", 1, 1, clear_options, do_clear_sel, "clear the SEL of a BMC, once all in it is handled" },
  { "power", "BMC [status|on|off|cycle|reset|soft]", 1, 2, power_options, do_power, "show or switch a server's power" },
  { "log", "BMC TEXT", 2, 2, log_options, do_log, "make an event of the kind message" },
  { "silence", "BMC [for|until|off] [TIME]", 1, 3, NULL, do_silence,
    "no notifications about a BMC for 2h, or until a time; off ends that" },
  { "backfill", "HANDLER", 1, 1, backfill_options, do_backfill, "give a new handler what the store and the journal still have" },
  { "reload", "", 0, 0, NULL, do_reload, "read the configuration file again" },
  { "check", "", 0, 0, NULL, do_check, "say what is wrong with the configuration file" },
  { "names", "bmcs|handlers", 1, 1, NULL, show_names, "only the names, one a line" },
  { .name = NULL },
};
/* clang-format on */
