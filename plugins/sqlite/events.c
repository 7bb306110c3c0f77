/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events.c - events into the database; see sqlite.h. */
#include "sqlite.h"

/* A BMC's clock that is ahead by more is wrong, and what it says no time to sort
 * by: nanoseconds. */
#define CLOCK_AHEAD (24 * G_GINT64_CONSTANT (3600000000000))

/* Before this it is the time since the BMC was started, whose clock was not set (IPMI 2.0,
 * section 37.1): nanoseconds. */
#define CLOCK_SET (G_GINT64_CONSTANT (0x20000000) * 1000000000)

void
events_forget_bmcs (Sqlite *sqlite)
{
  g_hash_table_remove_all (sqlite->bmcs);
}

gint64
events_find_bmc (Sqlite *sqlite, const char *name, GError **error)
{
  Sql *sql = sqlite->database.sql;
  const gint64 *known = g_hash_table_lookup (sqlite->bmcs, name);
  gint64 id = 0;
  gboolean found = FALSE;

  if (known != NULL)
    return *known;
  if (!sql_run (sql, error, BMC_INSERT, "t", name) || !sql_get (sql, error, &id, &found, BMC_FIND, "t", name) || !found)
    return 0;
  g_hash_table_insert (sqlite->bmcs, g_strdup (name), g_memdup2 (&id, sizeof id));
  return id;
}

static gint64
received_time (IpmidHost *host, const IpmidEvent *event)
{
  return ipmid_event_has (host, event, IPMID_FIELD_RECEIVED) ? ipmid_event_integer (host, event, IPMID_FIELD_RECEIVED)
                                                             : g_get_real_time () * 1000;
}

static gint64
event_time (IpmidHost *host, const IpmidEvent *event, gint64 received)
{
  gint64 time = ipmid_event_integer (host, event, IPMID_FIELD_TIME);

  return ipmid_event_has (host, event, IPMID_FIELD_TIME) && time >= CLOCK_SET && time <= received + CLOCK_AHEAD
             ? time
             : received;
}

static gint64
event_severity (IpmidHost *host, const IpmidEvent *event)
{
  return ipmid_event_has (host, event, IPMID_FIELD_SEVERITY) ? ipmid_event_integer (host, event, IPMID_FIELD_SEVERITY)
                                                             : IPMID_SEVERITY_INFO;
}

/* Without the newline. */
static const char *
render (Sqlite *sqlite, const IpmidEvent *event)
{
  g_string_truncate (sqlite->line, 0);
  if (ipmid_event_render (sqlite->host, event, IPMID_FORMAT_JSON, sqlite->line) && sqlite->line->len > 0)
    g_string_truncate (sqlite->line, sqlite->line->len - 1);
  return sqlite->line->str;
}

/* Into the table, unless it is there already, and then into what is made of it. */
static gboolean
insert (Sqlite *sqlite, const IpmidEvent *event, GError **error)
{
  IpmidHost *host = sqlite->host;
  Sql *sql = sqlite->database.sql;
  const char *sentence = ipmid_event_string (host, event, IPMID_FIELD_TEXT);
  const char *text = sentence == NULL ? "" : sentence;
  gint64 received = received_time (host, event);
  gint64 time = event_time (host, event, received);
  gint64 severity = event_severity (host, event);
  gint64 bmc = events_find_bmc (sqlite, ipmid_event_string (host, event, IPMID_FIELD_BMC), error);

  if (bmc == 0
      || !sql_run (sql, error, EVENT_INSERT, "tiiiiittt", ipmid_event_string (host, event, IPMID_FIELD_ID), time,
                   received, bmc, ipmid_event_integer (host, event, IPMID_FIELD_KIND), severity,
                   ipmid_event_string (host, event, IPMID_FIELD_SENSOR), text, render (sqlite, event)))
    return FALSE;
  return sqlite3_changes (sql->db) == 0
         || (sql_run (sql, error, EVENT_TEXT, "iti", (gint64) sqlite3_last_insert_rowid (sql->db), text, bmc)
             && sql_run (sql, error, EVENT_COUNT, "iii", time, bmc, severity)
             && sql_run (sql, error, EVENT_DAY, "iii", time, bmc, severity));
}

gboolean
events_store (Sqlite *sqlite, IpmidEvent *const *events, guint n_events, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean good = database_begin (&sqlite->database, TRUE, &local);

  for (guint i = 0; good && i < n_events; i++)
    good = insert (sqlite, events[i], &local);
  if (good && database_commit (&sqlite->database, &local))
    return TRUE;
  events_forget_bmcs (sqlite);
  database_fail (&sqlite->database, local);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}
