/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event-doc.c - the manual page of events, with the states and severities from
 * the code's own tables.
 *
 *   event-doc TEMPLATE > PAGE
 *
 * Copies the template and puts lists, as mdoc(7) source, in the place of the lines
 * "@SENSOR_TYPES@", "@THRESHOLDS@", "@GENERIC_STATES@" and "@SENSOR_STATES@".  Used
 * when ipmid is built.
 */
#include "event/event.h"
#include "event/severity.h"
#include "event/spec.h"
#include "event/states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THRESHOLD_OFFSETS 12u

static const char *
severity_name (IpmidSeverity severity)
{
  return event_field (IPMID_FIELD_SEVERITY)->names[severity];
}

static void
print_severities (IpmidSeverity asserted, IpmidSeverity deasserted)
{
  printf ("%s; when it goes, %s", severity_name (asserted), severity_name (deasserted));
}

/* The words are one argument, so that none of them is taken for a macro. */
static void
print_state (guint offset, const State *state)
{
  printf (".It %u Em \"\\&%s\"\n", offset, state->words);
  print_severities (state->asserted, state->deasserted);
  if (state->why != NULL)
    printf (" (%s)", state->why);
  putchar ('\n');
}

/* The sets of generic event types, or those of sensor types. */
static void
print_sets (gboolean generic)
{
  const StateSet *set;

  for (guint i = 0; (set = states_set (i)) != NULL; i++)
    {
      if (generic != (set->event_type != EVENT_TYPE_SENSOR_SPECIFIC))
        continue;
      if (generic)
        printf (".Ss Event type %02Xh: %s\n", set->event_type, set->title);
      else
        printf (".Ss Sensor type %02Xh: %s\n", set->sensor_type, spec_sensor_type (set->sensor_type));
      puts (".Bl -tag -width Ds -compact");
      for (guint offset = 0; offset < STATES_MAX; offset++)
        if (set->states[offset].words != NULL)
          print_state (offset, &set->states[offset]);
      puts (".El");
    }
}

static void
print_generic (void)
{
  print_sets (TRUE);
}

static void
print_specific (void)
{
  print_sets (FALSE);
}

static void
print_thresholds (void)
{
  puts (".Bl -tag -width Ds -compact");
  for (guint offset = 0; offset < THRESHOLD_OFFSETS; offset++)
    {
      printf (".It %u Em %s going %s\n", offset, spec_threshold (offset / 2), offset % 2 == 1 ? "high" : "low");
      print_severities (severity_of_threshold (offset, TRUE), severity_of_threshold (offset, FALSE));
      putchar ('\n');
    }
  puts (".El");
}

static void
print_sensor_types (void)
{
  puts (".Bl -tag -width 12h -compact");
  for (guint type = 1; type < 0xc0; type++)
    if (!g_str_equal (spec_sensor_type ((guint8) type), "reserved"))
      printf (".It %02Xh\n%s\n", type, spec_sensor_type ((guint8) type));
  printf (".It C0h\nto FFh: %s\n.El\n", spec_sensor_type (0xc0));
}

static void
print_line (const char *line)
{
  static const struct
  {
    const char *mark;
    void (*print) (void);
  } lists[] = { { "@SENSOR_TYPES@", print_sensor_types },
                { "@THRESHOLDS@", print_thresholds },
                { "@GENERIC_STATES@", print_generic },
                { "@SENSOR_STATES@", print_specific } };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    if (g_str_equal (line, lists[i].mark))
      {
        lists[i].print ();
        return;
      }
  puts (line);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (argc != 2)
    {
      fputs ("usage: event-doc TEMPLATE\n", stderr);
      return EXIT_FAILURE;
    }
  if (!g_file_get_contents (argv[1], &text, NULL, &error))
    {
      fprintf (stderr, "event-doc: %s\n", error->message);
      return EXIT_FAILURE;
    }
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    print_line (*line);
  if (fflush (stdout) == 0)
    return EXIT_SUCCESS;
  fputs ("event-doc: cannot write the page\n", stderr);
  return EXIT_FAILURE;
}
