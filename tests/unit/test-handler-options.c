/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-handler-options.c - the keys that every handler takes, and what they mean together. */
#include <core/handler-private.h>
#include <core/options.h>
#include <event/error.h>

#include <string.h>

/* `settings`: key and value in turn, ends with NULL. */
static gboolean
set_up (HandlerOptions *options, guint32 flags, const char *const *settings, GError **error)
{
  const IpmidPlugin plugin = { .flags = flags };

  handler_options_init (options, flags);
  for (; *settings != NULL; settings += 2)
    if (!handler_options_set (options, options_find (handler_options, settings[0]), settings[1], error))
      return FALSE;
  return handler_options_finish (options, &plugin, error);
}

static void
check_flags (guint32 flags, gboolean existing, gboolean silence)
{
  const char *const none[] = { NULL };
  const char *const given[] = { "existing", existing ? "no" : "yes", "silence", silence ? "no" : "yes", NULL };
  HandlerOptions options;

  g_assert_true (set_up (&options, flags, none, NULL));
  g_assert_cmpint (options.filter.existing, ==, existing);
  g_assert_cmpint (options.rule.silence, ==, silence);
  g_assert_cmpuint (options.filter.kinds, ==, FILTER_ALL_KINDS);
  handler_options_clear (&options);
  g_assert_true (set_up (&options, flags, given, NULL));
  g_assert_cmpint (options.filter.existing, !=, existing);
  g_assert_cmpint (options.rule.silence, !=, silence);
  handler_options_clear (&options);
}

static void
test_flags (void)
{
  check_flags (0, FALSE, FALSE);
  check_flags (IPMID_PLUGIN_STORE, TRUE, FALSE);
  check_flags (IPMID_PLUGIN_NOTIFIER, FALSE, TRUE);
}

static void
test_recovery (void)
{
  static const struct
  {
    const char *settings[7];
    gboolean recovery;
  } cases[] = {
    { { NULL }, FALSE },
    { { "quiet", "10m", NULL }, TRUE },
    { { "severity", "info", NULL }, TRUE },
    { { "severity", "ok", NULL }, FALSE },
    { { "severity", "warning", "direction", "assert", NULL }, FALSE },
    { { "severity", "warning", "direction", "assert", "recovery", "yes", NULL }, TRUE },
    { { "quiet", "10m", "recovery", "no", NULL }, FALSE },
    { { "recovery", "yes", NULL }, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      HandlerOptions options;
      g_assert_true (set_up (&options, 0, cases[i].settings, NULL));
      if (options.rule.recovery != cases[i].recovery)
        g_error ("case %u", i);
      handler_options_clear (&options);
    }
}

static void
test_members (void)
{
  const char *const settings[]
      = { "kinds",     "threshold", "severity", "critical", "bmcs",     "a*",  "labels",  "site=north", "sensors", "b*",
          "direction", "deassert",  "quiet",    "90s",      "quiet-by", "bmc", "sensors", "c*",         NULL };
  HandlerOptions options;

  g_assert_true (set_up (&options, 0, settings, NULL));
  g_assert_cmpuint (options.filter.kinds, ==, 1u << IPMID_KIND_THRESHOLD);
  g_assert_cmpint (options.filter.severity, ==, IPMID_SEVERITY_CRITICAL);
  g_assert_cmpint (options.filter.direction, ==, FILTER_DEASSERTIONS);
  g_assert_true (pattern_list_match (options.filter.bmcs, "a1"));
  g_assert_false (pattern_list_match (options.filter.sensors, "b1")); /* the last one counts */
  g_assert_true (pattern_list_match (options.filter.sensors, "c1"));
  g_assert_cmpint (options.rule.time, ==, 90 * G_USEC_PER_SEC);
  g_assert_cmpint (options.rule.by, ==, QUIET_BY_BMC);
  handler_options_clear (&options);
}

static void
test_finalizer (void)
{
  const char *const quiet[] = { "quiet", "10m", NULL }, *const silence[] = { "silence", "yes", NULL };
  const char *const recovery[] = { "recovery", "yes", NULL };
  const char *const heartbeat[] = { "heartbeat", "1h", NULL };
  const char *const *const bad[] = { quiet, silence, recovery, heartbeat };
  const char *const filter[] = { "severity", "warning", "existing", "no", "kinds", "!unknown", NULL };
  HandlerOptions options;

  g_assert_true (set_up (&options, IPMID_PLUGIN_FINALIZER, filter, NULL));
  g_assert_true (options.filter.existing);
  g_assert_cmpuint (options.filter.kinds, ==, FILTER_RECORD_KINDS & ~(1u << IPMID_KIND_UNKNOWN));
  g_assert_cmpint (options.filter.severity, ==, IPMID_SEVERITY_WARNING);
  g_assert_false (options.rule.recovery);
  handler_options_clear (&options);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (set_up (&options, IPMID_PLUGIN_FINALIZER, bad[i], &error));
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
      handler_options_clear (&options);
    }
}

static void
test_mistakes (void)
{
  static const char *const cases[][2] = {
    { "kinds", "treshold" },     { "severity", "bad" },      { "bmcs", "node[1-3]" }, { "labels", "north" },
    { "sensors", "a;;b" },       { "sensor-types", "Fann" }, { "direction", "up" },   { "quiet", "10" },
    { "quiet", "32d" },          { "quiet-by", "rack" },     { "recovery", "maybe" }, { "silence", "maybe" },
    { "readings-sensors", "!" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const settings[] = { cases[i][0], cases[i][1], NULL };
      g_autoptr (GError) error = NULL;
      HandlerOptions options;

      g_assert_false (set_up (&options, 0, settings, &error));
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
      g_assert_true (g_str_has_prefix (error->message, cases[i][0]));
      handler_options_clear (&options);
    }
}

/* The manual page is made of this table. */
static void
test_help (void)
{
  for (const IpmidOption *option = handler_options; option->key != NULL; option++)
    {
      g_assert_true (g_str_has_suffix (option->help, "."));
      g_assert_nonnull (option->argument);
      g_assert_cmpint (option->type == IPMID_OPTION_CHOICE, ==, option->choices != NULL);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/handler-options/flags", test_flags);
  g_test_add_func ("/handler-options/recovery", test_recovery);
  g_test_add_func ("/handler-options/members", test_members);
  g_test_add_func ("/handler-options/finalizer", test_finalizer);
  g_test_add_func ("/handler-options/mistakes", test_mistakes);
  g_test_add_func ("/handler-options/help", test_help);
  return g_test_run ();
}
