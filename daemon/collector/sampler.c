/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sampler.c - see sampler.h. */
#include "sampler.h"

#include "timer-heap.h"

typedef struct
{
  TimerNode node; /* first: the heap's pointers are cast back */
  guint place;
  gint64 interval;
  guint failures;
  gboolean satellite;
  gboolean under_way;
} Slot;

struct _Sampler
{
  gint64 phase;
  GPtrArray *slots;
  TimerHeap own, satellites; /* those that are not under way */
  guint under_way, satellites_under_way;
};

Sampler *
sampler_new (gint64 phase)
{
  Sampler *sampler = g_new0 (Sampler, 1);

  sampler->phase = phase;
  sampler->slots = g_ptr_array_new_with_free_func (g_free);
  timer_heap_init (&sampler->own);
  timer_heap_init (&sampler->satellites);
  return sampler;
}

void
sampler_free (Sampler *sampler)
{
  if (sampler == NULL)
    return;
  timer_heap_clear (&sampler->own);
  timer_heap_clear (&sampler->satellites);
  g_ptr_array_unref (sampler->slots);
  g_free (sampler);
}

void
sampler_clear (Sampler *sampler)
{
  timer_heap_clear (&sampler->own);
  timer_heap_clear (&sampler->satellites);
  timer_heap_init (&sampler->own);
  timer_heap_init (&sampler->satellites);
  g_ptr_array_set_size (sampler->slots, 0);
  sampler->under_way = sampler->satellites_under_way = 0;
}

static TimerHeap *
heap_of (Sampler *sampler, const Slot *slot)
{
  return slot->satellite ? &sampler->satellites : &sampler->own;
}

/* The first moment of the grid after this one. */
static gint64
next_moment (const Sampler *sampler, gint64 interval, gint64 after)
{
  gint64 phase = sampler->phase % interval;

  return phase + ((after - phase) / interval + 1) * interval;
}

void
sampler_add (Sampler *sampler, gint64 interval, gboolean satellite, gint64 now, gint64 within)
{
  Slot *slot = g_new0 (Slot, 1);

  slot->place = sampler->slots->len;
  slot->interval = interval;
  slot->satellite = satellite;
  g_ptr_array_add (sampler->slots, slot);
  if (interval > 0)
    timer_heap_insert (heap_of (sampler, slot), &slot->node, next_moment (sampler, MIN (interval, within), now));
}

static Slot *
first_slot (const Sampler *sampler)
{
  TimerNode *own = timer_heap_first (&sampler->own);
  TimerNode *satellite = sampler->satellites_under_way > 0 ? NULL : timer_heap_first (&sampler->satellites);

  if (own == NULL || satellite == NULL)
    return (Slot *) (own == NULL ? satellite : own);
  return (Slot *) (satellite->due < own->due ? satellite : own);
}

int
sampler_begin (Sampler *sampler, gint64 now)
{
  Slot *slot = first_slot (sampler);

  if (slot == NULL || slot->node.due > now)
    return -1;
  timer_heap_remove (heap_of (sampler, slot), &slot->node);
  slot->under_way = TRUE;
  sampler->under_way++;
  sampler->satellites_under_way += slot->satellite ? 1 : 0;
  return (int) slot->place;
}

static gint64
back_off (const Slot *slot)
{
  gint64 longest = MAX (SAMPLER_BACK_OFF_MAX, slot->interval);

  return slot->failures >= 20 ? longest : MIN (slot->interval << slot->failures, longest);
}

void
sampler_end (Sampler *sampler, guint place, gboolean failed, gint64 now)
{
  Slot *slot = g_ptr_array_index (sampler->slots, place);
  gint64 after = now;

  g_return_if_fail (slot->under_way);
  slot->under_way = FALSE;
  sampler->under_way--;
  sampler->satellites_under_way -= slot->satellite ? 1 : 0;
  slot->failures = failed ? slot->failures + 1 : 0;
  if (failed)
    after += back_off (slot) - slot->interval;
  timer_heap_insert (heap_of (sampler, slot), &slot->node, next_moment (sampler, slot->interval, after));
}

gboolean
sampler_take_satellite (Sampler *sampler)
{
  if (sampler->satellites_under_way > 0)
    return FALSE;
  sampler->satellites_under_way++;
  return TRUE;
}

void
sampler_leave_satellite (Sampler *sampler)
{
  g_return_if_fail (sampler->satellites_under_way > 0);
  sampler->satellites_under_way--;
}

guint
sampler_failures (const Sampler *sampler, guint place)
{
  return ((const Slot *) g_ptr_array_index (sampler->slots, place))->failures;
}

guint
sampler_under_way (const Sampler *sampler)
{
  return sampler->under_way;
}

gint64
sampler_due (const Sampler *sampler)
{
  const Slot *slot = first_slot (sampler);

  return slot == NULL ? SAMPLER_NEVER : slot->node.due;
}
