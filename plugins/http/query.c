/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* query.c - see query.h. */
#include "query.h"

#include <string.h>

#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)

static const char *const severities[] = { "ok", "info", "warning", "critical", NULL };
static const char *const kinds[]
    = { "threshold", "discrete", "unknown", "connection", "message", "gap", "health", NULL };
static const char *const orders[] = { "newest", "oldest", NULL };

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list words;

  va_start (words, format);
  g_autofree char *text = g_strdup_vprintf (format, words);
  va_end (words);
  g_set_error_literal (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID, text);
  return FALSE;
}

/* Its place in `words`, from 1; 0 if it is not given. */
static gboolean
choose (GVariant *arguments, const char *name, const char *const *words, int *choice, GError **error)
{
  const char *value = NULL;
  g_autofree char *known = NULL;

  *choice = 0;
  if (!g_variant_lookup (arguments, name, "&s", &value))
    return TRUE;
  for (int i = 0; words[i] != NULL; i++)
    if (strcmp (words[i], value) == 0)
      *choice = i + 1;
  known = g_strjoinv (", ", (char **) words);
  return *choice > 0 || refuse (error, "%s is none of %s", name, known);
}

/* "2026-11-21T06:30:00Z": nanoseconds since 1970; 0 if it is not given. */
static gboolean
take_time (GVariant *arguments, const char *name, gint64 *time, GError **error)
{
  const char *value = NULL;
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();

  if (!g_variant_lookup (arguments, name, "&s", &value))
    return TRUE;
  g_autoptr (GDateTime) when = g_date_time_new_from_iso8601 (value, utc);
  gint64 seconds = when == NULL ? 0 : g_date_time_to_unix (when);
  if (seconds <= 0 || seconds >= G_MAXINT64 / NS_PER_SECOND)
    return refuse (error, "%s is no time such as 2026-11-21T06:30:00Z", name);
  *time = seconds * NS_PER_SECOND + g_date_time_get_microsecond (when) * G_GINT64_CONSTANT (1000);
  return TRUE;
}

static gboolean
take_limit (Query *query, GError **error)
{
  gint64 limit = QUERY_LIMIT;

  query->has_limit = g_variant_lookup (query->arguments, "limit", "x", &limit);
  if (limit < (query->follow || !query->has_limit ? 0 : 1) || limit > IPMID_STORE_EVENTS_MAX)
    return refuse (error, "limit is not from 1 to %u", IPMID_STORE_EVENTS_MAX);
  query->store.limit = (guint) limit;
  return TRUE;
}

/* Letters and digits; the rest separates. */
static char **
split_words (const char *text)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GString) word = g_string_new (NULL);

  for (const char *at = text;; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);
      if (g_unichar_isalnum (c))
        g_string_append_unichar (word, c);
      else if (word->len > 0)
        {
          g_ptr_array_add (words, g_strdup (word->str));
          g_string_truncate (word, 0);
        }
      if (c == 0)
        break;
    }
  g_ptr_array_add (words, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&words), FALSE);
}

static char **
fold_words (const char *text)
{
  g_autofree char *folded = g_utf8_casefold (text, -1);

  return split_words (folded);
}

/* Words are beginnings of words, from memory as from a store. */
static gboolean
take_text (Query *query, GError **error)
{
  const char *text = query->store.text;

  if (text == NULL)
    return TRUE;
  g_auto (GStrv) words = split_words (text);
  if (words[0] == NULL)
    return refuse (error, "text has no letter and no digit to look for");
  g_autofree char *joined = g_strjoinv ("* ", words);
  query->words = fold_words (text);
  query->beginnings = g_strconcat (joined, "*", NULL);
  query->store.text = query->beginnings;
  return TRUE;
}

static gboolean
take (Query *query, GError **error)
{
  IpmidStoreEventQuery *store = &query->store;
  int severity, kind, order;

  g_variant_lookup (query->arguments, "bmc", "&s", &store->bmc);
  g_variant_lookup (query->arguments, "sensor", "&s", &store->sensor);
  g_variant_lookup (query->arguments, "text", "&s", &store->text);
  g_variant_lookup (query->arguments, "after", "&s", &store->after);
  g_variant_lookup (query->arguments, "follow", "b", &query->follow);
  if (!choose (query->arguments, "severity", severities, &severity, error)
      || !choose (query->arguments, "kind", kinds, &kind, error)
      || !choose (query->arguments, "order", orders, &order, error)
      || !take_time (query->arguments, "since", &store->since, error)
      || !take_time (query->arguments, "until", &store->until, error) || !take_limit (query, error)
      || !take_text (query, error))
    return FALSE;
  store->severity = (IpmidSeverity) severity;
  store->kind = (IpmidKind) kind;
  store->oldest_first = order == 2;
  if (query->follow && (store->after != NULL || order != 0))
    return refuse (error, "follow does not go with after or order");
  return TRUE;
}

Query *
query_new (GVariant *arguments, GError **error)
{
  g_autoptr (Query) query = g_new0 (Query, 1);

  query->arguments = g_variant_ref (arguments);
  query->store.size = sizeof query->store;
  return take (query, error) ? g_steal_pointer (&query) : NULL;
}

void
query_free (Query *query)
{
  if (query == NULL)
    return;
  g_variant_unref (query->arguments);
  g_strfreev (query->words);
  g_free (query->beginnings);
  g_free (query);
}

/* Each word is the beginning of one of the event's. */
static gboolean
has_words (char **wanted, const char *text)
{
  g_auto (GStrv) words = fold_words (text == NULL ? "" : text);

  for (; *wanted != NULL; wanted++)
    {
      gboolean found = FALSE;
      for (char **word = words; *word != NULL && !found; word++)
        found = g_str_has_prefix (*word, *wanted);
      if (!found)
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_text (IpmidHost *host, const IpmidEvent *event, IpmidField field, const char *wanted)
{
  return wanted == NULL || g_strcmp0 (ipmid_event_string (host, event, field), wanted) == 0;
}

static gboolean
is_in_time (const IpmidStoreEventQuery *store, IpmidHost *host, const IpmidEvent *event)
{
  gint64 received = ipmid_event_integer (host, event, IPMID_FIELD_RECEIVED);
  gint64 time = ipmid_event_integer (host, event, IPMID_FIELD_TIME);

  if (time == 0 || time > received)
    time = received; /* as a store sees it */
  return time >= store->since && (store->until == 0 || time < store->until);
}

gboolean
query_matches (const Query *query, IpmidHost *host, const IpmidEvent *event)
{
  const IpmidStoreEventQuery *store = &query->store;

  return is_text (host, event, IPMID_FIELD_BMC, store->bmc) && is_text (host, event, IPMID_FIELD_SENSOR, store->sensor)
         && ipmid_event_integer (host, event, IPMID_FIELD_SEVERITY) >= (gint64) store->severity
         && (store->kind == 0 || ipmid_event_integer (host, event, IPMID_FIELD_KIND) == (gint64) store->kind)
         && is_in_time (store, host, event)
         && (query->words == NULL || has_words (query->words, ipmid_event_string (host, event, IPMID_FIELD_TEXT)));
}
