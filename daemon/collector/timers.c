/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timers.c - see timers.h. */
#include "timers.h"

/* How late a timer may be: this part of its delay, and at most so much. */
#define SLACK_PART 8
#define SLACK_MAX (16 * 1024) /* microseconds */

struct _Timer
{
  TimerNode node; /* first: the heap's pointers are cast back */
  Timers *timers;
  guint32 bmc; /* on whose behalf it was started */
  TimerFunc function;
  gpointer user_data;
};

struct _Timers
{
  TimerHeap heap;
  GSource *source;
  ServingNote *serving; /* may be NULL; not ours */
};

typedef struct
{
  GSource source;
  Timers *timers;
} TimersSource;

/* prepare and check rather than g_source_set_ready_time(): that one wakes the
 * context each time it is called, also from the context's own thread. */
static gboolean
is_due (GSource *source, gint64 *left)
{
  const TimerNode *first = timer_heap_first (&((TimersSource *) source)->timers->heap);

  *left = first == NULL ? -1 : MAX (first->due - g_source_get_time (source), 0);
  return *left == 0;
}

static gboolean
prepare (GSource *source, int *timeout_ms)
{
  gint64 left;
  gboolean due = is_due (source, &left);

  *timeout_ms = left < 0 ? -1 : (int) MIN ((left + 999) / 1000, G_MAXINT);
  return due;
}

static gboolean
check (GSource *source)
{
  gint64 left;

  return is_due (source, &left);
}

/* Only what is due now: a timer that restarts itself with no delay waits for
 * the next turn, so that descriptors get theirs. */
static gboolean
dispatch (GSource *source, G_GNUC_UNUSED GSourceFunc callback, G_GNUC_UNUSED gpointer user_data)
{
  Timers *timers = ((TimersSource *) source)->timers;
  gint64 now = g_source_get_time (source);
  TimerNode *node;

  while ((node = timer_heap_first (&timers->heap)) != NULL && node->due <= now)
    {
      Timer *timer = (Timer *) node;

      timer_heap_remove (&timers->heap, node);
      serving_set (timers->serving, timer->bmc);
      timer->function (timer, timer->user_data);
    }
  serving_set (timers->serving, 0);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = { .prepare = prepare, .check = check, .dispatch = dispatch };

Timers *
timers_new (GMainContext *context)
{
  Timers *timers = g_new0 (Timers, 1);

  timer_heap_init (&timers->heap);
  timers->source = g_source_new (&source_functions, sizeof (TimersSource));
  ((TimersSource *) timers->source)->timers = timers;
  g_source_attach (timers->source, context);
  return timers;
}

void
timers_set_serving (Timers *timers, ServingNote *note)
{
  timers->serving = note;
}

void
timers_free (Timers *timers)
{
  if (timers == NULL)
    return;
  timer_heap_clear (&timers->heap);
  g_source_destroy (timers->source);
  g_source_unref (timers->source);
  g_free (timers);
}

Timer *
timer_new (Timers *timers, TimerFunc function, gpointer user_data)
{
  Timer *timer = g_new0 (Timer, 1);

  timer->timers = timers;
  timer_set_function (timer, function, user_data);
  return timer;
}

void
timer_free (Timer *timer)
{
  if (timer == NULL)
    return;
  timer_stop (timer);
  g_free (timer);
}

gint64
timers_round_up (gint64 due, gint64 delay)
{
  gint64 grid
      = delay < 2 * SLACK_PART ? 1 : G_GINT64_CONSTANT (1) << (g_bit_storage ((gulong) (delay / SLACK_PART)) - 1);

  grid = MIN (grid, SLACK_MAX);
  return (due + grid - 1) / grid * grid;
}

void
timer_start (Timer *timer, gint64 delay_us)
{
  Timers *timers = timer->timers;
  gint64 delay = MAX (delay_us, 1); /* at least a microsecond on: see dispatch() */

  timer_heap_remove (&timers->heap, &timer->node);
  timer->bmc = serving_bmc (timers->serving);
  timer_heap_insert (&timers->heap, &timer->node, timers_round_up (g_get_monotonic_time () + delay, delay));
}

gboolean
timer_stop (Timer *timer)
{
  return timer_heap_remove (&timer->timers->heap, &timer->node);
}

gboolean
timer_is_running (const Timer *timer)
{
  return timer_heap_contains (&timer->node);
}

void
timer_set_function (Timer *timer, TimerFunc function, gpointer user_data)
{
  timer->function = function;
  timer->user_data = user_data;
}

gint64
timers_jitter (gint64 us)
{
  return us + (gint64) (g_random_double_range (-0.1, 0.1) * (double) us);
}
