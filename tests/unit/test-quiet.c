/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-quiet.c - what is held back, and what is told later.
 *
 * Every short story of a state that comes and goes, with time passing and
 * silences in between, is told to an operator who believes what he hears.
 */
#include <core/quiet.h>
#include <event/spec.h>

#include <string.h>

#define QUIET_TIME 100

/* ----------------------------------------------------------------- stories */

typedef struct
{
  QuietRule rule;
  gboolean wants_ends; /* the filter lets deassertions through */
  gint64 now, since[2], silence_until;
  QuietState states[QUIET_STATES];
  QuietEffect kept;
  gint64 due;
  gboolean truth, belief;
  gint64 heard_begin; /* when the operator last heard that it began; 0: never */
} Story;

static const QuietSubject subjects[]
    = { [QUIET_BEGINS] = { 0, 3, QUIET_BEGINS, 0, TRUE }, [QUIET_ENDS] = { 0, 3, QUIET_ENDS, 1 << 3, FALSE } };

static void
hear (Story *story, QuietEffect effect)
{
  if (effect == QUIET_BEGINS)
    {
      g_assert_true (story->heard_begin == 0 || story->now - story->heard_begin >= QUIET_TIME);
      story->heard_begin = story->now;
    }
  else if (!story->wants_ends)
    g_assert_true (story->belief); /* a recovery only of what was told, and once */
  g_assert_false (story->now < story->silence_until);
  story->belief = effect == QUIET_BEGINS;
  story->since[effect == QUIET_ENDS] = story->now;
}

static void
happen (Story *story, QuietEffect effect)
{
  gint64 since = story->since[effect == QUIET_ENDS];
  gboolean running = quiet_is_running (&story->rule, since, story->now);
  gboolean silenced = quiet_is_silenced (story->silence_until, story->now);
  gboolean wanted = effect == QUIET_BEGINS || story->wants_ends;
  QuietState *state = &story->states[3];

  story->truth = effect == QUIET_BEGINS;
  state->action = QUIET_LEAVE;
  if (quiet_judge (&story->rule, &subjects[effect], wanted, silenced, running, story->states) == QUIET_PASS)
    hear (story, effect);
  if (state->action != QUIET_KEEP)
    return;
  story->kept = effect;
  story->due = MAX (running ? since + QUIET_TIME : story->now, story->silence_until);
}

static void
pass_time (Story *story, gint64 time)
{
  QuietState *state = &story->states[3];

  story->now += time;
  if (!state->waits || story->due > story->now || quiet_is_silenced (story->silence_until, story->now))
    return;
  g_assert_cmpint (story->belief, !=, story->kept == QUIET_BEGINS); /* else it is no news */
  hear (story, story->kept);
  quiet_release (&subjects[story->kept], TRUE, story->states);
  g_assert_false (state->waits);
}

static void
go_on (Story *story, guint what)
{
  switch (what)
    {
    case 0:
      happen (story, QUIET_BEGINS);
      break;
    case 1:
      happen (story, QUIET_ENDS);
      break;
    case 2:
      pass_time (story, QUIET_TIME * 2 / 3);
      break;
    default:
      story->silence_until = story->now < story->silence_until ? story->now : story->now + 3 * QUIET_TIME;
      break;
    }
}

static void
test_stories (gconstpointer data)
{
  const guint length = 8, stories = 1u << 2 * length;

  for (guint number = 0; number < stories; number++)
    {
      Story story = { .rule = { QUIET_TIME, QUIET_BY_STATE, TRUE, TRUE }, .now = 1000 };
      story.wants_ends = GPOINTER_TO_INT (data);
      for (guint i = 0; i < length; i++)
        go_on (&story, number >> 2 * i & 3);
      pass_time (&story, 10 * QUIET_TIME);
      if (story.belief != story.truth)
        g_error ("story %x ends with a wrong belief", number);
    }
}

/* Without recovery notices, ends follow the filter alone. */
static void
test_no_recovery (void)
{
  const QuietRule rule = { QUIET_TIME, QUIET_BY_STATE, FALSE, FALSE };
  QuietState states[QUIET_STATES] = { { 0 } };

  g_assert_cmpint (quiet_judge (&rule, &subjects[QUIET_BEGINS], TRUE, FALSE, FALSE, states), ==, QUIET_PASS);
  g_assert_cmpint (quiet_judge (&rule, &subjects[QUIET_ENDS], FALSE, FALSE, FALSE, states), ==, QUIET_UNWANTED);
  g_assert_cmpint (quiet_judge (&rule, &subjects[QUIET_ENDS], TRUE, FALSE, TRUE, states), ==, QUIET_HUSHED);
  g_assert_cmpint (quiet_judge (&rule, &subjects[QUIET_ENDS], TRUE, FALSE, FALSE, states), ==, QUIET_PASS);
  g_assert_false (states[3].told);
}

static void
test_news (void)
{
  const QuietRule rule = { QUIET_TIME, QUIET_BY_STATE, TRUE, TRUE };
  const QuietSubject news = { .effect = QUIET_NEWS, .serious = TRUE };
  QuietState states[QUIET_STATES] = { { 0 } };

  g_assert_cmpint (quiet_judge (&rule, &news, FALSE, FALSE, FALSE, states), ==, QUIET_UNWANTED);
  g_assert_cmpint (quiet_judge (&rule, &news, TRUE, FALSE, FALSE, states), ==, QUIET_PASS);
  g_assert_cmpint (quiet_judge (&rule, &news, TRUE, FALSE, TRUE, states), ==, QUIET_HUSHED);
  g_assert_cmpint (quiet_judge (&rule, &news, TRUE, TRUE, FALSE, states), ==, QUIET_SILENCED);
  for (guint i = 0; i < QUIET_STATES; i++)
    g_assert_true (states[i].action == QUIET_LEAVE && !states[i].told && !states[i].waits);
}

/* In a silence, a button that was pressed is not told afterwards. */
static void
test_small_news_in_silence (void)
{
  const QuietRule rule = { 0, QUIET_BY_STATE, TRUE, TRUE };
  QuietSubject subject = subjects[QUIET_BEGINS];
  QuietState states[QUIET_STATES] = { { 0 } };

  subject.serious = FALSE;
  g_assert_cmpint (quiet_judge (&rule, &subject, TRUE, TRUE, FALSE, states), ==, QUIET_SILENCED);
  g_assert_false (states[3].waits);
  subject.serious = TRUE;
  g_assert_cmpint (quiet_judge (&rule, &subject, TRUE, TRUE, FALSE, states), ==, QUIET_SILENCED);
  g_assert_true (states[3].waits);
}

/* "Transition to non-critical from more severe": better than critical, so a
 * recovery of it, and a state of its own. */
static void
test_severities (void)
{
  const QuietRule rule = { QUIET_TIME, QUIET_BY_STATE, TRUE, TRUE };
  const QuietSubject critical = { 0, 2, QUIET_BEGINS, 0x8, TRUE }, better = { 0, 1, QUIET_BEGINS, 0xc, TRUE },
                     well = { 0, 0, QUIET_ENDS, 0xe, FALSE };
  QuietState states[QUIET_STATES] = { { 0 } };

  g_assert_cmpint (quiet_judge (&rule, &critical, TRUE, FALSE, FALSE, states), ==, QUIET_PASS);
  g_assert_cmpint (quiet_judge (&rule, &better, FALSE, FALSE, FALSE, states), ==, QUIET_PASS);
  g_assert_true (!states[2].told && !states[1].told);
  g_assert_cmpint (quiet_judge (&rule, &well, FALSE, FALSE, FALSE, states), ==, QUIET_UNWANTED);
  g_assert_cmpint (quiet_judge (&rule, &critical, TRUE, FALSE, TRUE, states), ==, QUIET_HUSHED);
  g_assert_cmpint (quiet_judge (&rule, &better, TRUE, FALSE, FALSE, states), ==, QUIET_PASS);
  g_assert_true (!states[2].waits && states[1].told);
  g_assert_cmpint (quiet_judge (&rule, &well, FALSE, FALSE, TRUE, states), ==, QUIET_PASS);
  g_assert_false (states[1].told);
}

/* ------------------------------------------------------------------- clocks */

static void
test_clock (void)
{
  const QuietRule rule = { .time = 600 };
  const gint64 years = 10 * 365 * G_TIME_SPAN_DAY, now = 50 * 365 * G_TIME_SPAN_DAY;

  g_assert_false (quiet_is_running (&rule, 0, now));
  g_assert_true (quiet_is_running (&rule, now, now));
  g_assert_true (quiet_is_running (&rule, now - 599, now));
  g_assert_false (quiet_is_running (&rule, now - 600, now));
  g_assert_true (quiet_is_running (&rule, now + 599, now)); /* the clock stepped back a little */
  g_assert_false (quiet_is_running (&rule, now + 600, now));
  g_assert_false (quiet_is_running (&rule, now, now + years));
  g_assert_false (quiet_is_running (&rule, now, now - years));
  g_assert_false (quiet_is_running (&(QuietRule){ 0 }, now, now));
  g_assert_false (quiet_is_silenced (0, now));
  g_assert_false (quiet_is_silenced (now, now));
  g_assert_true (quiet_is_silenced (now + 1, now));
  g_assert_true (quiet_is_silenced (now + 365 * G_TIME_SPAN_DAY, now));
  g_assert_false (quiet_is_silenced (now + years, now));
}

/* ----------------------------------------------------------------- subjects */

static QuietSubject
subject_of (guint8 event_type, guint8 sensor_type, guint offset, gboolean assertion)
{
  guint8 raw[16] = { 1, 0, 2, 0, 0, 0, 0x60, 0x20, 0, 4, sensor_type, 7, event_type, (guint8) (0x50 | offset), 1, 2 };
  g_autoptr (IpmidEvent) event = event_new ();
  QuietSubject subject;

  raw[12] |= assertion ? 0 : 0x80;
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  quiet_subject (event, &subject);
  return subject;
}

/* Every event type, sensor type and offset: what begins can end. */
static void
test_every_state (void)
{
  for (guint8 event_type = 1; event_type < 0x80; event_type++)
    for (guint8 sensor_type = 0; sensor_type < 0x30; sensor_type++)
      for (guint offset = 0; offset < 16; offset++)
        {
          QuietSubject on = subject_of (event_type, sensor_type, offset, TRUE);
          QuietSubject off = subject_of (event_type, sensor_type, offset, FALSE);
          IpmidSeverity severity = spec_severity (event_type, sensor_type, offset, TRUE);

          g_assert_cmpuint (on.state, <, QUIET_STATES);
          g_assert_cmpint (on.sensor, ==, off.sensor);
          g_assert_cmpint (on.sensor & 0xff, ==, 0);
          g_assert_cmpint (on.effect == QUIET_ENDS, <=, on.ended != 0);
          if (on.effect == QUIET_BEGINS)
            {
              g_assert_cmpint (off.effect, ==, QUIET_ENDS);
              g_assert_cmpuint (off.ended, ==, 1u << on.state);
              g_assert_cmpuint (on.ended & (1u << on.state), ==, 0);
            }
          /* Nobody has to recover from what is well. */
          if (severity == IPMID_SEVERITY_OK && event_type != 0x6f)
            g_assert_cmpint (on.effect, !=, QUIET_BEGINS);
        }
}

static void
test_states (void)
{
  static const struct
  {
    guint8 event_type, sensor_type;
    guint offset;
    gboolean assertion;
    QuietEffect effect;
    guint state;
    guint16 ended;
  } cases[] = {
    { 0x01, 1, 9, TRUE, QUIET_BEGINS, 4, 0 },     /* upper critical going high */
    { 0x01, 1, 9, FALSE, QUIET_ENDS, 4, 1 << 4 }, /* … not any more */
    { 0x01, 1, 8, TRUE, QUIET_ENDS, 4, 1 << 4 },  /* upper critical going low */
    { 0x01, 1, 8, FALSE, QUIET_NEWS, 12, 0 },     /* … not any more */
    { 0x01, 1, 2, TRUE, QUIET_BEGINS, 1, 0 },     /* lower critical going low */
    { 0x01, 1, 3, TRUE, QUIET_ENDS, 1, 1 << 1 },  /* lower critical going high */
    { 0x6f, 0x0c, 1, TRUE, QUIET_BEGINS, 1, 0 },  /* uncorrectable ECC */
    { 0x6f, 0x0c, 1, FALSE, QUIET_ENDS, 1, 1 << 1 },
    { 0x04, 0x0d, 1, TRUE, QUIET_BEGINS, 1, 0 },      /* predictive failure asserted */
    { 0x04, 0x0d, 0, TRUE, QUIET_ENDS, 0, 1 << 1 },   /* predictive failure deasserted */
    { 0x04, 0x0d, 0, FALSE, QUIET_NEWS, 0, 0 },       /* … says nothing that "asserted" does not */
    { 0x07, 0x01, 2, TRUE, QUIET_BEGINS, 2, 1 << 3 }, /* to critical from less severe */
    { 0x07, 0x01, 5, TRUE, QUIET_BEGINS, 2, 1 << 3 }, /* to critical from non-recoverable */
    { 0x07, 0x01, 4, TRUE, QUIET_BEGINS, 1, 0x0c },   /* to non-critical from more severe */
    { 0x07, 0x01, 0, TRUE, QUIET_ENDS, 0, 0x0e },     /* to OK */
    { 0x07, 0x01, 5, FALSE, QUIET_ENDS, 2, 1 << 2 },
    { 0x07, 0x01, 8, TRUE, QUIET_NEWS, 8, 0 },      /* informational */
    { 0x0b, 0x08, 1, TRUE, QUIET_BEGINS, 1, 0 },    /* redundancy lost */
    { 0x0b, 0x08, 0, TRUE, QUIET_ENDS, 0, 0xfe },   /* fully redundant */
    { 0x6f, 0x27, 1, TRUE, QUIET_ENDS, 1, 1 << 0 }, /* LAN heartbeat */
    { 0x6f, 0x08, 1, TRUE, QUIET_BEGINS, 1, 0 },    /* power supply failure */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      QuietSubject subject
          = subject_of (cases[i].event_type, cases[i].sensor_type, cases[i].offset, cases[i].assertion);

      if (subject.effect != cases[i].effect || subject.state != cases[i].state || subject.ended != cases[i].ended)
        g_error ("case %u: effect %d, state %u, ended %x", i, subject.effect, subject.state, subject.ended);
    }
}

static IpmidEvent *
new_own (IpmidKind kind, IpmidSeverity severity, const char *text)
{
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, kind);
  event_set_integer (event, IPMID_FIELD_SEVERITY, severity);
  event_set_string (event, IPMID_FIELD_TEXT, text);
  return event;
}

static void
test_own_events (void)
{
  g_autoptr (IpmidEvent) down = new_own (IPMID_KIND_CONNECTION, IPMID_SEVERITY_WARNING, "the BMC does not answer");
  g_autoptr (IpmidEvent) up = new_own (IPMID_KIND_CONNECTION, IPMID_SEVERITY_OK, "the BMC answers again");
  g_autoptr (IpmidEvent) full = new_own (IPMID_KIND_HEALTH, IPMID_SEVERITY_WARNING, "the SEL is 91 % full");
  g_autoptr (IpmidEvent) fuller = new_own (IPMID_KIND_HEALTH, IPMID_SEVERITY_WARNING, "the SEL is 95 % full");
  g_autoptr (IpmidEvent) drift = new_own (IPMID_KIND_HEALTH, IPMID_SEVERITY_WARNING, "its clock is 95 s off");
  QuietSubject a, b, c;

  quiet_subject (down, &a);
  quiet_subject (up, &b);
  g_assert_cmpint (a.effect, ==, QUIET_BEGINS);
  g_assert_cmpint (b.effect, ==, QUIET_ENDS);
  g_assert_cmpint (a.sensor, ==, b.sensor);
  g_assert_cmpuint (b.ended, ==, 1u << a.state);
  quiet_subject (full, &a);
  quiet_subject (fuller, &b);
  quiet_subject (drift, &c);
  g_assert_cmpint (a.effect, ==, QUIET_NEWS);
  g_assert_cmpint (a.sensor, ==, b.sensor);
  g_assert_cmpint (a.sensor, !=, c.sensor);
  event_set_integer (full, IPMID_FIELD_ASSERT, TRUE);
  event_set_integer (fuller, IPMID_FIELD_ASSERT, FALSE);
  quiet_subject (full, &a);
  quiet_subject (fuller, &b);
  g_assert_cmpint (a.effect, ==, QUIET_BEGINS);
  g_assert_cmpint (b.effect, ==, QUIET_ENDS);
  g_assert_cmpuint (b.ended, ==, 1u << a.state);
  event_set_string (full, IPMID_FIELD_STATE, "SEL almost full");
  event_set_string (drift, IPMID_FIELD_STATE, "SEL almost full");
  quiet_subject (full, &a);
  quiet_subject (drift, &c);
  g_assert_cmpint (a.sensor, ==, c.sensor);
}

static gint64
sensor_of_record (const guint8 *raw)
{
  g_autoptr (IpmidEvent) event = event_new ();
  QuietSubject subject;

  event_set_bytes (event, IPMID_FIELD_RAW, raw, 16);
  quiet_subject (event, &subject);
  g_assert_cmpint (subject.effect, ==, QUIET_NEWS);
  return subject.sensor;
}

/* An OEM record is the same news whenever it comes; every byte but id and time
 * tells it apart. */
static void
test_oem_records (void)
{
  static const guint8 types[] = { 0xc0, 0xdf, 0xe0, 0xff, 0x03 };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      guint8 raw[16] = { 1, 0, types[i], 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
      gint64 sensor = sensor_of_record (raw);
      for (guint byte = 0; byte < 16; byte++)
        {
          gboolean names = byte >= 2 && (types[i] >= 0xe0 || types[i] < 0xc0 || byte < 3 || byte > 6);
          raw[byte] ^= 0x10;
          g_assert_cmpint (sensor_of_record (raw) != sensor, ==, names);
          raw[byte] ^= 0x10;
        }
    }
}

static void
test_keys (void)
{
  const QuietSubject begin = { G_GINT64_CONSTANT (0x0120000107010000), 3, QUIET_BEGINS, 0, TRUE },
                     end = { G_GINT64_CONSTANT (0x0120000107010000), 3, QUIET_ENDS, 8, TRUE },
                     other = { G_GINT64_CONSTANT (0x0120000107010000), 4, QUIET_BEGINS, 0, TRUE },
                     elsewhere = { G_GINT64_CONSTANT (0x0120000108010000), 3, QUIET_BEGINS, 0, TRUE };

  for (QuietBy by = QUIET_BY_STATE; by <= QUIET_BY_BMC; by++)
    {
      const QuietRule rule = { 1, by, TRUE, TRUE };
      g_assert_cmpint (quiet_key (&rule, &begin), !=, quiet_key (&rule, &end));
      g_assert_cmpint (quiet_key (&rule, &begin) == quiet_key (&rule, &other), ==, by != QUIET_BY_STATE);
      g_assert_cmpint (quiet_key (&rule, &begin) == quiet_key (&rule, &elsewhere), ==, by == QUIET_BY_BMC);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/quiet/stories", GINT_TO_POINTER (FALSE), test_stories);
  g_test_add_data_func ("/quiet/stories-with-ends", GINT_TO_POINTER (TRUE), test_stories);
  g_test_add_func ("/quiet/no-recovery", test_no_recovery);
  g_test_add_func ("/quiet/news", test_news);
  g_test_add_func ("/quiet/small-news-in-silence", test_small_news_in_silence);
  g_test_add_func ("/quiet/severities", test_severities);
  g_test_add_func ("/quiet/clock", test_clock);
  g_test_add_func ("/quiet/keys", test_keys);
  g_test_add_func ("/subject/every-state", test_every_state);
  g_test_add_func ("/subject/states", test_states);
  g_test_add_func ("/subject/own-events", test_own_events);
  g_test_add_func ("/subject/oem-records", test_oem_records);
  return g_test_run ();
}
