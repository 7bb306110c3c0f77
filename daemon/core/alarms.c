/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* alarms.c - see alarms.h. */
#include "core/core-private.h"

#include "event/text.h"

/* Seconds between two looks: a tenth of the shortest time that is watched. */
#define PERIOD_MIN 1
#define PERIOD_MAX 10

/* The journal fills from so many per cent of its limit on, and does so no more
 * below so many. */
#define FILLING 80
#define FILLING_OVER 70

/* A journal that was full is so for this many looks at least: on a disk without
 * room every second may be otherwise. */
#define FULL_LOOKS 6

#define REASON_MAX 200 /* bytes of a handler's last error */

struct _Alarms
{
  Core *core;
  guint timer;
  guint period; /* seconds */
  gint asked;   /* atomic: the journal has not answered yet */
};

/* One handler, as the core's thread saw it. */
typedef struct
{
  gint64 id;
  char *component; /* "handler NAME" */
  HandlerStatus status;
} Seen;

/* One look; made on the core's thread, the journal's has it in between. */
typedef struct
{
  Alarms *alarms;
  Journal *journal;
  GArray *handlers; /* Seen */
  char *summary;    /* for signs of life; NULL: nobody wants them */
  gint64 now;       /* monotonic */
  gint64 failing_limit;
  gint64 full_time; /* microseconds that a full journal is full at least */
  gboolean announce;
  GPtrArray *told; /* IpmidEvent: to be logged after the commit */
} Look;

/* What is told, and how bad it is. */
static const struct
{
  const char *state;
  IpmidSeverity severity;
} kinds[] = {
  [STORE_OWN_FAILING] = { "failing", IPMID_SEVERITY_CRITICAL },
  [STORE_OWN_SHEDDING] = { "quota reached", IPMID_SEVERITY_CRITICAL },
  [STORE_OWN_DEAD] = { "dead letters", IPMID_SEVERITY_WARNING },
  [STORE_OWN_FILLING] = { "filling", IPMID_SEVERITY_WARNING },
  [STORE_OWN_FULL] = { "full", IPMID_SEVERITY_CRITICAL },
  [STORE_OWN_HEARTBEAT] = { "alive", IPMID_SEVERITY_OK },
};

char *
alarms_format_duration (gint64 microseconds)
{
  gint64 seconds = microseconds / G_USEC_PER_SEC;

  if (seconds < 120)
    return g_strdup_printf ("%" G_GINT64_FORMAT " s", seconds);
  if (seconds < 2 * 3600)
    return g_strdup_printf ("%" G_GINT64_FORMAT " min", seconds / 60);
  if (seconds < 48 * 3600)
    return g_strdup_printf ("%" G_GINT64_FORMAT " h", seconds / 3600);
  return g_strdup_printf ("%" G_GINT64_FORMAT " days", seconds / 86400);
}

/* ------------------------------------------------------------- the journal's thread */

static IpmidEvent *
make_event (StoreOwn what, gboolean raised, const char *component, const char *text)
{
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_HEALTH);
  event_set_integer (event, IPMID_FIELD_SEVERITY, raised ? kinds[what].severity : IPMID_SEVERITY_OK);
  event_set_string (event, IPMID_FIELD_TEXT, text);
  event_set_string (event, IPMID_FIELD_STATE, kinds[what].state);
  event_set_string (event, IPMID_FIELD_COMPONENT, component);
  return event;
}

/* Takes `text`; `handler` 0 is the journal. */
static gboolean
tell (Ledger *ledger, Look *look, gint64 handler, const char *component, StoreOwn what, gint64 level, char *text,
      GError **error)
{
  g_autofree char *words = text;
  g_autoptr (IpmidEvent) event = make_event (what, level > 0, component, words);
  gboolean told;

  event_set_integer (event, IPMID_FIELD_ASSERT, level > 0);
  if (!ledger_tell_own (ledger, handler, what, level, event, &told, error))
    return FALSE;
  if (told)
    g_ptr_array_add (look->told, event_ref (event));
  return TRUE;
}

static gboolean
get_level (Ledger *ledger, gint64 handler, StoreOwn what, gint64 *level, GError **error)
{
  StoreOwnAlarm alarm;

  if (!store_own_load (ledger_store (ledger), handler, what, &alarm, error))
    return FALSE;
  *level = alarm.level;
  return TRUE;
}

static gboolean
watch_failing (Ledger *ledger, Look *look, const Seen *seen, gint64 pending, GError **error)
{
  const HandlerStatus *status = &seen->status;
  gboolean fails = status->failing_since != G_MAXINT64;
  gboolean well = !fails && (status->works || pending == 0);
  gint64 since = fails ? look->now - status->failing_since : 0;
  gint64 level;

  if (!get_level (ledger, seen->id, STORE_OWN_FAILING, &level, error))
    return FALSE;
  if (level > 0)
    return !well
           || tell (ledger, look, seen->id, seen->component, STORE_OWN_FAILING, 0,
                    g_strdup_printf ("%s works again", seen->component), error);
  if (look->failing_limit == 0 || since < look->failing_limit)
    return TRUE;
  g_autofree char *duration = alarms_format_duration (since);
  g_autofree char *reason = text_clean (status->last_error == NULL ? "" : status->last_error, -1, REASON_MAX);
  return tell (ledger, look, seen->id, seen->component, STORE_OWN_FAILING, 1,
               g_strdup_printf ("%s has been failing for %s%s%s", seen->component, duration,
                                *reason == '\0' ? "" : ": ", reason),
               error);
}

/* Told again with every further nought of the number. */
static gboolean
watch_dead (Ledger *ledger, Look *look, const Seen *seen, gint64 dead, GError **error)
{
  gint64 level, digits = 0;

  for (gint64 rest = dead; rest > 0; rest /= 10)
    digits++;
  if (!get_level (ledger, seen->id, STORE_OWN_DEAD, &level, error))
    return FALSE;
  if (digits > level)
    return tell (ledger, look, seen->id, seen->component, STORE_OWN_DEAD, digits,
                 g_strdup_printf ("%s has %" G_GINT64_FORMAT " dead letter%s, which nobody will handle unless "
                                  "somebody replays them",
                                  seen->component, dead, dead == 1 ? "" : "s"),
                 error);
  return digits > 0 || level == 0
         || tell (ledger, look, seen->id, seen->component, STORE_OWN_DEAD, 0,
                  g_strdup_printf ("%s has no dead letters any more", seen->component), error);
}

static gboolean
watch_quota (Ledger *ledger, Look *look, const Seen *seen, const LedgerCounts *counts, GError **error)
{
  gint64 quota = seen->status.quota, most = MAX (counts->pending, counts->dead), level;

  if (!get_level (ledger, seen->id, STORE_OWN_SHEDDING, &level, error))
    return FALSE;
  if (level == 0 && most >= quota)
    return tell (ledger, look, seen->id, seen->component, STORE_OWN_SHEDDING, 1,
                 g_strdup_printf ("%s has reached its quota of %" G_GINT64_FORMAT
                                  " events: further events are not kept for it",
                                  seen->component, quota),
                 error);
  return level == 0 || most > quota - MAX (quota / 10, 1)
         || tell (ledger, look, seen->id, seen->component, STORE_OWN_SHEDDING, 0,
                  g_strdup_printf ("%s has room for events again", seen->component), error);
}

static gboolean
watch_handler (Ledger *ledger, Look *look, const Seen *seen, GError **error)
{
  LedgerCounts counts;

  ledger_counts (ledger, seen->id, &counts);
  return watch_failing (ledger, look, seen, counts.pending, error)
         && watch_dead (ledger, look, seen, counts.dead, error) && watch_quota (ledger, look, seen, &counts, error);
}

static gboolean
watch_filling (Ledger *ledger, Look *look, GError **error)
{
  gint64 fill = journal_measure (look->journal), level;

  if (!get_level (ledger, 0, STORE_OWN_FILLING, &level, error))
    return FALSE;
  if (level == 0 ? fill < FILLING : fill > FILLING_OVER)
    return TRUE;
  return tell (ledger, look, 0, "journal", STORE_OWN_FILLING, level == 0,
               g_strdup_printf ("the journal is filled to %" G_GINT64_FORMAT " %% of its limit", fill), error);
}

static gboolean
watch_full (Ledger *ledger, Look *look, GError **error)
{
  const char *shortage = journal_get_shortage (look->journal);
  StoreOwnAlarm alarm;

  if (!store_own_load (ledger_store (ledger), 0, STORE_OWN_FULL, &alarm, error))
    return FALSE;
  if (alarm.level == 0 && shortage != NULL)
    return tell (ledger, look, 0, "journal", STORE_OWN_FULL, 1,
                 g_strdup_printf ("%s: SELs are not read until there is room again", shortage), error);
  gboolean holds = ABS (g_get_real_time () - alarm.since) < look->full_time;
  return alarm.level == 0 || shortage != NULL || holds
         || tell (ledger, look, 0, "journal", STORE_OWN_FULL, 0,
                  g_strdup ("there is room in the journal again: SELs are read"), error);
}

/* What was told of a handler that is not configured any more is over. */
static gboolean
end_orphans (Ledger *ledger, Look *look, GError **error)
{
  g_autoptr (GArray) orphans = ledger_list_orphaned_alarms (ledger, error);

  for (guint i = 0; orphans != NULL && i < orphans->len; i++)
    {
      StoreOwnAlarm alarm = g_array_index (orphans, StoreOwnAlarm, i);
      g_autofree char *name = NULL;
      if (!store_handler_name (ledger_store (ledger), alarm.handler, &name, error))
        return FALSE;
      g_autofree char *component = g_strdup_printf ("handler %s", name == NULL ? "?" : name);
      gboolean silent = alarm.what == STORE_OWN_HEARTBEAT || alarm.what >= G_N_ELEMENTS (kinds);
      alarm.level = 0;
      if (silent ? !store_own_save (ledger_store (ledger), &alarm, error)
                 : !tell (ledger, look, alarm.handler, component, alarm.what, 0,
                          g_strdup_printf ("%s is not configured any more", component), error))
        return FALSE;
    }
  return orphans != NULL;
}

static gboolean
beat (Ledger *ledger, const Look *look, const Seen *seen, GError **error)
{
  g_autofree char *text = g_strconcat ("ipmid is alive: ", look->summary, NULL);
  g_autoptr (IpmidEvent) event = make_event (STORE_OWN_HEARTBEAT, FALSE, "ipmid", text);

  return seen->status.heartbeat == 0 || ledger_heartbeat (ledger, seen->id, seen->status.heartbeat, event, error);
}

/* JournalWork. */
static gboolean
work (Ledger *ledger, gpointer data, GError **error)
{
  Look *look = data;

  g_ptr_array_set_size (look->told, 0);
  for (guint i = 0; i < look->handlers->len; i++)
    {
      const Seen *seen = &g_array_index (look->handlers, Seen, i);
      if (!beat (ledger, look, seen, error) || (look->announce && !watch_handler (ledger, look, seen, error)))
        return FALSE;
    }
  return !look->announce
         || (watch_filling (ledger, look, error) && watch_full (ledger, look, error)
             && end_orphans (ledger, look, error));
}

static void
log_told (const Look *look)
{
  for (guint i = 0; i < look->told->len; i++)
    {
      const IpmidEvent *event = look->told->pdata[i];
      gboolean well = event_integer (event, IPMID_FIELD_SEVERITY) == IPMID_SEVERITY_OK;
      log_line (well ? IPMID_LOG_NOTICE : IPMID_LOG_WARNING, NULL, "%s", event_string (event, IPMID_FIELD_TEXT));
    }
}

/* JournalDone. */
static void
on_done (gpointer data, gboolean committed)
{
  Look *look = data;

  if (committed)
    log_told (look);
  g_atomic_int_set (&look->alarms->asked, 0);
  g_array_unref (look->handlers);
  g_ptr_array_unref (look->told);
  g_free (look->summary);
  g_free (look);
}

/* --------------------------------------------------------------- the core's thread */

static void
clear_seen (gpointer data)
{
  Seen *seen = data;

  g_free (seen->component);
  g_free (seen->status.last_error);
}

static void
see_handlers (const Core *core, Look *look)
{
  for (guint i = 0; i < core->handlers->len; i++)
    {
      Handler *handler = core->handlers->pdata[i];
      Seen seen = { .id = handler_id (handler) };
      if (handler_is_removed (handler) || seen.id == 0)
        continue;
      seen.component = g_strdup_printf ("handler %s", handler_name (handler));
      handler_get_status (handler, &seen.status);
      if (seen.status.heartbeat > 0 && look->summary == NULL)
        look->summary = core_summary ((Core *) core);
      g_array_append_val (look->handlers, seen);
    }
}

/* One look at a time: a journal on a slow disk answers late. */
static gboolean
look_around (gpointer data)
{
  Alarms *alarms = data;
  const Core *core = alarms->core;

  if (!g_atomic_int_compare_and_exchange (&alarms->asked, 0, 1))
    return G_SOURCE_CONTINUE;
  Look *look = g_new0 (Look, 1);
  look->alarms = alarms;
  look->journal = core->journal;
  look->handlers = g_array_new (FALSE, FALSE, sizeof (Seen));
  g_array_set_clear_func (look->handlers, clear_seen);
  look->told = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  look->now = g_get_monotonic_time ();
  look->failing_limit = core->config->handler_alarm_after;
  look->full_time = (gint64) alarms->period * FULL_LOOKS * G_USEC_PER_SEC;
  look->announce = core->config->announce;
  see_handlers (core, look);
  journal_submit (core->journal, JOURNAL_LOOK_UP, work, on_done, look);
  return G_SOURCE_CONTINUE;
}

static guint
find_period (const Core *core)
{
  gint64 shortest = core->config->handler_alarm_after == 0 ? G_MAXINT64 : core->config->handler_alarm_after;

  for (guint i = 0; i < core->handlers->len; i++)
    {
      HandlerStatus status;
      handler_get_status (core->handlers->pdata[i], &status);
      g_free (status.last_error);
      if (status.heartbeat > 0)
        shortest = MIN (shortest, status.heartbeat);
    }
  return (guint) CLAMP (shortest / 10 / G_USEC_PER_SEC, PERIOD_MIN, PERIOD_MAX);
}

void
alarms_configure (Alarms *alarms)
{
  alarms_stop (alarms);
  alarms->period = find_period (alarms->core);
  alarms->timer = g_timeout_add_seconds (alarms->period, look_around, alarms);
}

Alarms *
alarms_new (Core *core)
{
  Alarms *alarms = g_new0 (Alarms, 1);

  alarms->core = core;
  alarms_configure (alarms);
  look_around (alarms);
  return alarms;
}

void
alarms_stop (Alarms *alarms)
{
  if (alarms != NULL)
    g_clear_handle_id (&alarms->timer, g_source_remove);
}

void
alarms_free (Alarms *alarms)
{
  alarms_stop (alarms);
  g_free (alarms);
}
