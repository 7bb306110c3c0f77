/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timer-heap.c - see timer-heap.h. */
#include "timer-heap.h"

static TimerNode *
node_at (const TimerHeap *heap, guint place)
{
  return g_ptr_array_index (heap->nodes, place - 1);
}

static void
put (TimerHeap *heap, guint place, TimerNode *node)
{
  heap->nodes->pdata[place - 1] = node;
  node->place = place;
}

static void
sift_up (TimerHeap *heap, TimerNode *node)
{
  guint place = node->place;

  while (place > 1 && node_at (heap, place / 2)->due > node->due)
    {
      put (heap, place, node_at (heap, place / 2));
      place /= 2;
    }
  put (heap, place, node);
}

static void
sift_down (TimerHeap *heap, TimerNode *node)
{
  guint place = node->place;
  guint child;

  while ((child = 2 * place) <= heap->nodes->len)
    {
      if (child < heap->nodes->len && node_at (heap, child + 1)->due < node_at (heap, child)->due)
        child++;
      if (node_at (heap, child)->due >= node->due)
        break;
      put (heap, place, node_at (heap, child));
      place = child;
    }
  put (heap, place, node);
}

void
timer_heap_init (TimerHeap *heap)
{
  heap->nodes = g_ptr_array_new ();
}

void
timer_heap_clear (TimerHeap *heap)
{
  for (guint place = 1; place <= heap->nodes->len; place++)
    node_at (heap, place)->place = 0;
  g_clear_pointer (&heap->nodes, g_ptr_array_unref);
}

void
timer_heap_insert (TimerHeap *heap, TimerNode *node, gint64 due)
{
  g_assert (!timer_heap_contains (node));
  g_ptr_array_add (heap->nodes, node);
  node->due = due;
  node->place = heap->nodes->len;
  sift_up (heap, node);
}

gboolean
timer_heap_remove (TimerHeap *heap, TimerNode *node)
{
  guint place = node->place;
  TimerNode *last;

  if (place == 0)
    return FALSE;
  last = node_at (heap, heap->nodes->len);
  g_ptr_array_set_size (heap->nodes, (int) heap->nodes->len - 1);
  node->place = 0;
  if (last == node)
    return TRUE;
  put (heap, place, last);
  sift_up (heap, last);
  sift_down (heap, last);
  return TRUE;
}

TimerNode *
timer_heap_first (const TimerHeap *heap)
{
  return heap->nodes->len == 0 ? NULL : node_at (heap, 1);
}
