/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-filter.c - patterns, filters field by field, silences' words. */
#include <core/filter.h>
#include <core/silence.h>
#include <event/error.h>

#include <string.h>

/* ---------------------------------------------------------------- patterns */

static void
test_pattern (void)
{
  static const struct
  {
    const char *pattern, *text;
    gboolean matches;
  } cases[] = {
    { "", "", TRUE },
    { "", "a", FALSE },
    { "*", "", TRUE },
    { "*", "anything", TRUE },
    { "a", "a", TRUE },
    { "a", "", FALSE },
    { "a", "ab", FALSE },
    { "CPU*", "CPU1 Temp", TRUE },
    { "cpu*", "CPU1 Temp", TRUE },
    { "*temp", "CPU1 Temp", TRUE },
    { "*1*", "CPU1 Temp", TRUE },
    { "*2*", "CPU1 Temp", FALSE },
    { "CPU? Temp", "CPU1 Temp", TRUE },
    { "CPU? Temp", "CPU Temp", FALSE },
    { "CPU?", "CPU", FALSE },
    { "?", "é", TRUE },
    { "??", "é", FALSE },
    { "*é", "café", TRUE },
    { "a*b*c", "aXXbYYc", TRUE },
    { "a*b*c", "aXXcYYb", FALSE },
    { "a*bc", "abcbc", TRUE },
    { "**a**", "a", TRUE },
    { "[a]", "a", FALSE },
    { "[a]", "[a]", TRUE },
    { "a\\*", "a*", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (pattern_match (cases[i].pattern, cases[i].text) != cases[i].matches)
      g_error ("'%s' and '%s'", cases[i].pattern, cases[i].text);
}

/* Every pattern and text of up to five letters, against the definition. */
static gboolean
defined_match (const char *pattern, const char *text)
{
  if (*pattern == '\0')
    return *text == '\0';
  if (*pattern == '*')
    return defined_match (pattern + 1, text) || (*text != '\0' && defined_match (pattern, text + 1));
  return *text != '\0' && (*pattern == '?' || *pattern == *text) && defined_match (pattern + 1, text + 1);
}

static void
spell (guint number, const char *letters, char *out)
{
  for (guint n = (guint) strlen (letters) + 1; number > 0; number /= n)
    if (number % n > 0)
      *out++ = letters[number % n - 1];
  *out = '\0';
}

static void
test_pattern_exhaustively (void)
{
  char pattern[8], text[8];

  for (guint i = 0; i < 3125; i++)
    for (guint j = 0; j < 243; j++)
      {
        spell (i, "ab*?", pattern);
        spell (j, "ab", text);
        if (pattern_match (pattern, text) != defined_match (pattern, text))
          g_error ("'%s' and '%s'", pattern, text);
      }
}

/* A BMC may give its sensors any name. */
static void
test_pattern_hostile (void)
{
  g_autofree char *text = g_strnfill (100000, 'a');
  gint64 began = g_get_monotonic_time ();

  g_assert_false (pattern_match ("*a*a*a*a*a*a*a*a*b", text));
  g_assert_cmpint (g_get_monotonic_time () - began, <, 5 * G_USEC_PER_SEC);
}

static void
test_pattern_list (void)
{
  const char *const both[] = { "CPU*", "Fan*", "!CPU3*", NULL }, *const only_not[] = { "!Fan*", NULL };
  const char *const empty[] = { "a", "!", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (PatternList) some = pattern_list_new (both, &error);
  g_autoptr (PatternList) rest = pattern_list_new (only_not, &error);

  g_assert_no_error (error);
  g_assert_true (pattern_list_match (some, "CPU1"));
  g_assert_true (pattern_list_match (some, "Fan 2"));
  g_assert_false (pattern_list_match (some, "CPU3 Temp"));
  g_assert_false (pattern_list_match (some, "DIMM"));
  g_assert_false (pattern_list_match (some, NULL));
  g_assert_true (pattern_list_match (rest, "CPU1"));
  g_assert_false (pattern_list_match (rest, "Fan 2"));
  g_assert_true (pattern_list_match (rest, NULL));
  g_assert_true (pattern_list_match (NULL, NULL));
  g_assert_null (pattern_list_new (NULL, &error));
  g_assert_no_error (error);
  g_assert_null (pattern_list_new (empty, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
}

/* ----------------------------------------------------------------- filters */

typedef gboolean (*Setter) (Filter *filter, const char *const *words, GError **error);

static const char *const labels[] = { "site=north", "rack=r12", "team=ann and bob", NULL };

/* An upper critical threshold of a temperature sensor. */
static IpmidEvent *
new_event (void)
{
  static const guint8 raw[16] = { 1, 0, 2, 0, 0, 0, 0x60, 0x20, 0, 4, 1, 7, 0x01, 0x09, 0, 0 };
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  event_set_integer (event, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_CRITICAL);
  event_set_integer (event, IPMID_FIELD_ASSERT, TRUE);
  event_set_string (event, IPMID_FIELD_BMC, "node17");
  event_set_string (event, IPMID_FIELD_SENSOR, "CPU1 Temp");
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  return event;
}

/* A BMC that went away: no sensor, no record, no direction. */
static IpmidEvent *
new_connection_event (void)
{
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_CONNECTION);
  event_set_integer (event, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_WARNING);
  event_set_string (event, IPMID_FIELD_BMC, "node17");
  return event;
}

static gboolean
matches (Setter set, const char *words, const IpmidEvent *event, const char *const *of_bmc)
{
  g_auto (GStrv) list = g_strsplit (words, ";", -1);
  g_autoptr (GError) error = NULL;
  Filter filter = { .kinds = FILTER_ALL_KINDS };

  set (&filter, (const char *const *) list, &error);
  g_assert_no_error (error);
  gboolean match = filter_match (&filter, event, of_bmc);
  filter_clear (&filter);
  return match;
}

static void
test_lists (void)
{
  static const struct
  {
    Setter set;
    const char *words;
    gboolean sensor, connection; /* which events match */
  } cases[] = {
    { filter_set_kinds, "threshold", TRUE, FALSE },
    { filter_set_kinds, "discrete;connection", FALSE, TRUE },
    { filter_set_kinds, "!connection", TRUE, FALSE },
    { filter_set_kinds, "threshold;connection;!threshold", FALSE, TRUE },
    { filter_set_bmcs, "node17", TRUE, TRUE },
    { filter_set_bmcs, "NODE1?", TRUE, TRUE },
    { filter_set_bmcs, "node2*", FALSE, FALSE },
    { filter_set_bmcs, "node*;!node17", FALSE, FALSE },
    { filter_set_labels, "site=north", TRUE, TRUE },
    { filter_set_labels, "site=south", FALSE, FALSE },
    { filter_set_labels, "site=south;site=n*", TRUE, TRUE },
    { filter_set_labels, "site=north;rack=r12", TRUE, TRUE },
    { filter_set_labels, "site=north rack=r12", TRUE, TRUE },
    { filter_set_labels, "site=north;rack=r13", FALSE, FALSE },
    { filter_set_labels, "rack=*;!rack=r12", FALSE, FALSE },
    { filter_set_labels, "owner=*", FALSE, FALSE },
    { filter_set_labels, "!owner=ann", TRUE, TRUE },
    { filter_set_labels, "site=north 'team=ann and *'", TRUE, TRUE },
    { filter_set_labels, "sit=north", FALSE, FALSE },
    { filter_set_sensors, "CPU*", TRUE, FALSE },
    { filter_set_sensors, "Fan*", FALSE, FALSE },
    { filter_set_sensors, "!CPU*", FALSE, TRUE },
    { filter_set_sensors, "!Fan*", TRUE, TRUE },
    { filter_set_sensor_types, "Temperature", TRUE, FALSE },
    { filter_set_sensor_types, "temp*", TRUE, FALSE },
    { filter_set_sensor_types, "1", TRUE, FALSE },
    { filter_set_sensor_types, "0x01", TRUE, FALSE },
    { filter_set_sensor_types, "Fan;Voltage;0xc0", FALSE, FALSE },
    { filter_set_sensor_types, "*;!Temperature", FALSE, FALSE },
    { filter_set_sensor_types, "!Fan", TRUE, TRUE },
    { filter_set_sensor_types, "!Temperature", FALSE, TRUE },
  };
  g_autoptr (IpmidEvent) sensor = new_event ();
  g_autoptr (IpmidEvent) connection = new_connection_event ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      if (matches (cases[i].set, cases[i].words, sensor, labels) != cases[i].sensor
          || matches (cases[i].set, cases[i].words, connection, labels) != cases[i].connection)
        g_error ("case %u, '%s'", i, cases[i].words);
      g_assert_true (matches (cases[i].set, "", sensor, NULL)); /* no words */
    }
  g_assert_false (matches (filter_set_labels, "site=*", sensor, NULL));
}

static void
test_mistakes (void)
{
  static const struct
  {
    Setter set;
    const char *word, *says;
  } cases[] = {
    { filter_set_kinds, "treshold", "did you mean 'threshold'" },
    { filter_set_kinds, "", "no kind" },
    { filter_set_bmcs, "node[001-010]", "range" },
    { filter_set_bmcs, "!", "no pattern" },
    { filter_set_labels, "north", "KEY=VALUE" },
    { filter_set_labels, "=north", "KEY=VALUE" },
    { filter_set_labels, "team='ann", "quot" },
    { filter_set_labels, "site=", "KEY=VALUE" },
    { filter_set_labels, "site=!", "no pattern" },
    { filter_set_sensors, "", "no pattern" },
    { filter_set_sensor_types, "Temprature", "did you mean 'Temperature'" },
    { filter_set_sensor_types, "256", "table 42-3" },
    { filter_set_sensor_types, "0x1ff", "table 42-3" },
    { filter_set_sensor_types, "", "table 42-3" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const words[] = { cases[i].word, NULL };
      g_autoptr (GError) error = NULL;
      Filter filter = { .kinds = FILTER_ALL_KINDS };

      g_assert_false (cases[i].set (&filter, words, &error));
      filter_clear (&filter);
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
      if (strstr (error->message, cases[i].says) == NULL)
        g_error ("'%s': %s", cases[i].word, error->message);
    }
}

static void
test_severity (void)
{
  for (IpmidSeverity wanted = 0; wanted <= IPMID_SEVERITY_CRITICAL; wanted++)
    for (IpmidSeverity severity = 0; severity <= IPMID_SEVERITY_CRITICAL; severity++)
      {
        g_autoptr (IpmidEvent) event = new_event ();
        const Filter filter = { .kinds = FILTER_ALL_KINDS, .severity = wanted };

        event_clear (event, IPMID_FIELD_SEVERITY);
        if (severity > 0)
          event_set_integer (event, IPMID_FIELD_SEVERITY, severity);
        g_assert_cmpint (filter_match (&filter, event, NULL), ==,
                         (severity == 0 ? IPMID_SEVERITY_INFO : severity) >= wanted);
      }
}

static void
test_direction (void)
{
  /* Without one, deasserted, asserted; by FilterDirection. */
  static const gboolean expected[3][3] = { { TRUE, TRUE, TRUE }, { TRUE, FALSE, TRUE }, { FALSE, TRUE, FALSE } };

  for (FilterDirection wanted = FILTER_ANY_DIRECTION; wanted <= FILTER_DEASSERTIONS; wanted++)
    for (guint has = 0; has < 3; has++)
      {
        g_autoptr (IpmidEvent) event = new_event ();
        const Filter filter = { .kinds = FILTER_ALL_KINDS, .direction = wanted };

        event_clear (event, IPMID_FIELD_ASSERT);
        if (has > 0)
          event_set_integer (event, IPMID_FIELD_ASSERT, has == 2);
        g_assert_cmpint (filter_match (&filter, event, NULL), ==, expected[wanted][has]);
      }
}

static void
test_existing (void)
{
  g_autoptr (IpmidEvent) event = new_event ();
  Filter filter = { .kinds = FILTER_ALL_KINDS };

  event_set_integer (event, IPMID_FIELD_EXISTING, TRUE);
  g_assert_false (filter_match (&filter, event, NULL));
  filter.existing = TRUE;
  g_assert_true (filter_match (&filter, event, NULL));
}

/* ---------------------------------------------------------------- silences */

static void
test_silence_time (void)
{
  static const struct
  {
    const char *text;
    gint64 seconds; /* -1: a mistake; -2: depends on the time zone */
  } cases[] = {
    { "2026-12-01T08:00Z", 1796112000 },
    { "2026-12-01T08:00:30Z", 1796112030 },
    { "2026-12-01T09:00+01:00", 1796112000 },
    { "2026-12-01 08:00Z", 1796112000 },
    { "2026-12-01 08:00", -2 },
    { "2026-12-01", -2 },
    { "2026-12-01T", -1 },
    { "2026-13-01T08:00Z", -1 },
    { "tomorrow", -1 },
    { "", -1 },
    { "2026-12-01T08:00ZZ", -1 },
    { "2026-12-01T08", -1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 time = -1;

      if (silence_parse_time (cases[i].text, &time, &error) != (cases[i].seconds != -1))
        g_error ("'%s'", cases[i].text);
      if (cases[i].seconds >= 0)
        g_assert_cmpint (time, ==, cases[i].seconds * G_USEC_PER_SEC);
      else if (cases[i].seconds == -1)
        g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
      else
        g_assert_cmpint (ABS (time / G_USEC_PER_SEC - 1796112000), <=, 86400);
    }
}

static void
test_silence_labels (void)
{
  const char *const silences[] = { "site=north until 2026-12-01T08:00Z", "rack=r1? until  2026-12-01T08:01Z ",
                                   "site=south until 2027-12-01T08:00Z", "nonsense",
                                   "rack=r1? until 2999-01-01",          NULL };
  const char *const other[] = { "site=east", NULL };
  const gint64 first = G_GINT64_CONSTANT (1796112000) * G_USEC_PER_SEC, second = first + G_TIME_SPAN_MINUTE,
               now = first - G_TIME_SPAN_DAY, far = now + 1000 * G_TIME_SPAN_DAY;

  g_assert_cmpint (silence_until (silences, labels, 0, now), ==, second);
  g_assert_cmpint (silence_until (silences, labels, second + 1, now), ==, second + 1);
  g_assert_cmpint (silence_until (silences, labels, far, now), ==, second);
  g_assert_cmpint (silence_until (silences, other, 5, now), ==, 5);
  g_assert_cmpint (silence_until (silences, other, far, now), ==, far);
  g_assert_cmpint (silence_until (silences, NULL, 0, now), ==, 0);
  g_assert_cmpint (silence_until (NULL, labels, 0, now), ==, 0);
  /* The good ones are over; and a clock that is years behind. */
  g_assert_cmpint (silence_until (silences, labels, 0, second), >, second + 1000 * G_TIME_SPAN_DAY);
  g_assert_cmpint (silence_until (silences, labels, 0, 0), ==, first);
}

static void
test_silence_mistakes (void)
{
  const char *const bad[] = { "site=north",
                              "north until 2026-12-01T08:00Z",
                              "site= until 2026-12-01T08:00Z",
                              "=x until 2026-12-01T08:00Z",
                              "a=b c=d until 2026-12-01T08:00Z",
                              "site=north until then",
                              "",
                              " until " };
  gint64 until;

  g_assert_true (silence_check ("site=north until 2026-12-01T08:00Z", &until, NULL));
  g_assert_cmpint (until, ==, G_GINT64_CONSTANT (1796112000) * G_USEC_PER_SEC);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      if (silence_check (bad[i], &until, &error))
        g_error ("'%s' passed", bad[i]);
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pattern/cases", test_pattern);
  g_test_add_func ("/pattern/exhaustively", test_pattern_exhaustively);
  g_test_add_func ("/pattern/hostile", test_pattern_hostile);
  g_test_add_func ("/pattern/list", test_pattern_list);
  g_test_add_func ("/filter/lists", test_lists);
  g_test_add_func ("/filter/mistakes", test_mistakes);
  g_test_add_func ("/filter/severity", test_severity);
  g_test_add_func ("/filter/direction", test_direction);
  g_test_add_func ("/filter/existing", test_existing);
  g_test_add_func ("/silence/time", test_silence_time);
  g_test_add_func ("/silence/labels", test_silence_labels);
  g_test_add_func ("/silence/mistakes", test_silence_mistakes);
  return g_test_run ();
}
