/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sdr-population.c - see sdr-population.h. */
#include "sdr-population.h"

#include "guard.h"

/* Places in the answer (35.2), after the completion code. */
#define SENSORS 1u
#define FLAGS 2u
#define CHANGE_INDICATOR 3u
#define STATIC_LENGTH 3u
#define DYNAMIC_LENGTH 7u

#define FLAG_DYNAMIC 0x80

typedef struct
{
  guint8 sensors;    /* on the logical unit that was asked */
  guint32 indicator; /* 0 if the population is static */
} Told;

typedef struct
{
  SdrController controller;
  Told baseline;
  Told latest;
  gboolean due;    /* in this round */
  guint questions; /* in a row that have not been answered */
  guint pause;     /* so many rounds without it */
} Entry;

static Entry *
get_entry (const SdrPopulation *population, guint i)
{
  return &g_array_index (population->entries, Entry, i);
}

static guint
count_entries (const SdrPopulation *population)
{
  return population->entries == NULL ? 0 : population->entries->len;
}

static gboolean
is_same (const SdrController *a, const SdrController *b)
{
  return !a->satellite == !b->satellite && a->channel == b->channel && a->address == b->address && a->lun == b->lun;
}

static Entry *
find_entry (const SdrPopulation *population, const SdrController *controller)
{
  for (guint i = 0; i < count_entries (population); i++)
    if (is_same (&get_entry (population, i)->controller, controller))
      return get_entry (population, i);
  return NULL;
}

void
sdr_population_clear (SdrPopulation *population)
{
  g_clear_pointer (&population->entries, g_array_unref);
  population->settled = FALSE;
}

/* ------------------------------------------------------------------ answers */

/* FALSE: it tells nothing. */
static gboolean
decode (const guint8 *reply, gsize length, Told *told)
{
  gboolean dynamic;

  if (length < STATIC_LENGTH || reply[0] != 0)
    return FALSE;
  dynamic = (reply[FLAGS] & FLAG_DYNAMIC) != 0;
  if (dynamic && length < DYNAMIC_LENGTH)
    return FALSE;
  *told = (Told){ .sensors = reply[SENSORS] };
  for (guint i = 0; dynamic && i < 4; i++)
    told->indicator |= (guint32) reply[CHANGE_INDICATOR + i] << (8 * i);
  return TRUE;
}

static void
add_entry (SdrPopulation *population, const SdrController *controller, const Told *told)
{
  Entry entry = { .controller = *controller, .baseline = *told, .latest = *told };

  if (count_entries (population) >= SDR_POPULATION_CONTROLLERS_MAX)
    return;
  if (population->entries == NULL)
    population->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_append_val (population->entries, entry);
}

void
sdr_population_reply (SdrPopulation *population, const SdrController *from, guint8 netfn, guint8 command,
                      const guint8 *reply, gsize length)
{
  Entry *entry;
  Told told;

  if (netfn != GUARD_NETFN_SENSOR || command != SDR_POPULATION_GET_INFO || !decode (reply, length, &told))
    return;
  entry = find_entry (population, from);
  if (entry == NULL)
    {
      add_entry (population, from, &told);
      return;
    }
  entry->latest = told;
  entry->questions = entry->pause = 0;
  if (!population->settled)
    entry->baseline = told;
}

void
sdr_population_settle (SdrPopulation *population)
{
  population->settled = TRUE;
}

gboolean
sdr_population_is_known (const SdrPopulation *population)
{
  return count_entries (population) > 0;
}

gboolean
sdr_population_has_changed (const SdrPopulation *population)
{
  for (guint i = 0; i < count_entries (population); i++)
    {
      const Entry *entry = get_entry (population, i);

      if (entry->latest.sensors != entry->baseline.sensors || entry->latest.indicator != entry->baseline.indicator)
        return TRUE;
    }
  return FALSE;
}

/* ---------------------------------------------------------------- questions */

void
sdr_population_begin_round (SdrPopulation *population)
{
  for (guint i = 0; i < count_entries (population); i++)
    {
      Entry *entry = get_entry (population, i);

      entry->due = entry->pause == 0;
      if (entry->pause > 0)
        entry->pause--;
    }
}

/* Until it answers, it counts as one that does not: no answer, nobody says so. */
static void
expect_none (Entry *entry)
{
  entry->due = FALSE;
  if (entry->questions < 4)
    entry->questions++;
  entry->pause = MIN ((1u << entry->questions) - 1, SDR_POPULATION_PAUSE_MAX);
}

gboolean
sdr_population_next (SdrPopulation *population, SdrController *next)
{
  for (guint i = 0; i < count_entries (population); i++)
    {
      Entry *entry = get_entry (population, i);

      if (!entry->due)
        continue;
      expect_none (entry);
      *next = entry->controller;
      return TRUE;
    }
  return FALSE;
}
