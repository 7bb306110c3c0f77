/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event-page.c - see event-page.h. */
#include "event-page.h"

#include <string.h>

#define LIMIT_DEFAULT 100u

#define TEXT_MAX 256u /* bytes of the words that are looked for */
#define WORDS_MAX 16u

/* Kinds from this one on are rare, and have an index (schema.c). */
#define KIND_RARE IPMID_KIND_CONNECTION

/* What a page asks, with its place in the order. */
typedef struct
{
  const IpmidStoreEventQuery *query;
  gint64 bmc;
  gint64 low, high; /* low <= time <= high */
  gboolean by_row;  /* in the order of the rows, which is that of arrival */
  gboolean has_place;
  gint64 time, seq; /* behind this row */
} Question;

static gboolean
refuse (GError **error, const char *message)
{
  g_set_error_literal (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_INVALID, message);
  return FALSE;
}

char *
event_page_token (gint64 time, gint64 seq)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, time, seq);
}

static gboolean
parse_token (const char *token, gint64 *time, gint64 *seq, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (token, ".", 3);

  if (g_strv_length (parts) == 2 && g_ascii_string_to_signed (parts[0], 10, G_MININT64, G_MAXINT64, time, NULL)
      && g_ascii_string_to_signed (parts[1], 10, 0, G_MAXINT64, seq, NULL))
    return TRUE;
  return refuse (error, "\"after\" is not what a page gave as the place of the next one");
}

/* One word: "cpu", or "cpu"* for the beginning of one.  Returns what is behind it. */
static const char *
append_word (GString *words, const char *text)
{
  g_string_append (words, words->len == 0 ? "\"" : " AND \"");
  for (; g_unichar_isalnum (g_utf8_get_char (text)); text = g_utf8_next_char (text))
    g_string_append_unichar (words, g_utf8_get_char (text));
  g_string_append (words, *text == '*' ? "\"*" : "\"");
  return text;
}

/* In the language of FTS5, where a BMC's row is a word of its own column. */
static char *
parse_words (const IpmidStoreEventQuery *query, gint64 bmc, GError **error)
{
  g_autoptr (GString) words = g_string_new (NULL);
  const char *p = query->text;
  guint n = 0;

  if (strlen (p) > TEXT_MAX || !g_utf8_validate (p, -1, NULL))
    {
      refuse (error, "\"text\" is longer than 256 bytes, or no UTF-8");
      return NULL;
    }
  while (*p != '\0')
    if (g_unichar_isalnum (g_utf8_get_char (p)))
      {
        p = append_word (words, p);
        n++;
      }
    else
      p = g_utf8_next_char (p);
  if (n == 0 || n > WORDS_MAX)
    {
      refuse (error, n == 0 ? "\"text\" has no letter and no digit to look for" : "\"text\" has more than 16 words");
      return NULL;
    }
  return query->bmc == NULL ? g_strdup_printf ("text : (%s)", words->str)
                            : g_strdup_printf ("(text : (%s)) AND (bmc : \"%" G_GINT64_FORMAT "\")", words->str, bmc);
}

/* Whoever was built before there was such an order does not ask for it. */
static gboolean
is_by_arrival (const IpmidStoreEventQuery *query)
{
  return query->size > G_STRUCT_OFFSET (IpmidStoreEventQuery, by_arrival) && query->by_arrival;
}

static gboolean
parse (Question *question, const IpmidStoreEventQuery *query, gint64 bmc, GError **error)
{
  if ((int) query->severity < 0 || query->severity > IPMID_SEVERITY_CRITICAL)
    return refuse (error, "\"severity\" is none of the severities");
  *question = (Question){ .query = query, .bmc = bmc, .by_row = query->text != NULL || is_by_arrival (query) };
  question->low = query->since == 0 ? G_MININT64 : query->since;
  question->high = query->until == 0 ? G_MAXINT64 : query->until - 1;
  if (query->after == NULL)
    return TRUE;
  if (!parse_token (query->after, &question->time, &question->seq, error))
    return FALSE;
  question->has_place = TRUE;
  if (question->by_row)
    return TRUE;
  if (query->oldest_first)
    question->low = MAX (question->low, question->time);
  else
    question->high = MIN (question->high, question->time);
  return TRUE;
}

/* What the time and the place say, as a condition. */
static void
append_range (GString *sql, const Question *question)
{
  if (question->low != G_MININT64)
    g_string_append_printf (sql, " AND event.time >= %" G_GINT64_FORMAT, question->low);
  if (question->high != G_MAXINT64)
    g_string_append_printf (sql, " AND event.time <= %" G_GINT64_FORMAT, question->high);
  if (!question->has_place)
    return;
  const char *beyond = question->query->oldest_first ? ">" : "<";
  if (question->by_row)
    g_string_append_printf (sql, " AND %s %s %" G_GINT64_FORMAT,
                            question->query->text != NULL ? "event_text.rowid" : "event.seq", beyond, question->seq);
  else
    g_string_append_printf (sql, " AND (event.time <> %" G_GINT64_FORMAT " OR event.seq %s %" G_GINT64_FORMAT ")",
                            question->time, beyond, question->seq);
}

/* The filters that the index does not have at its front are looked at row by row. */
static void
append_filters (GString *sql, const Question *question, gboolean bmc, gboolean severity, gboolean sensor)
{
  const IpmidStoreEventQuery *query = question->query;

  if (bmc && query->bmc != NULL)
    g_string_append_printf (sql, " AND event.bmc = %" G_GINT64_FORMAT, question->bmc);
  if (severity && query->severity > IPMID_SEVERITY_OK)
    g_string_append_printf (sql, " AND event.severity >= %d", (int) query->severity);
  if (sensor && query->sensor != NULL)
    g_string_append (sql, " AND event.sensor = ?1");
  if (query->kind != 0)
    g_string_append_printf (sql, " AND event.kind = %d", (int) query->kind);
}

/* One search in one index, in the order of the time. */
static void
append_search (GString *sql, const Question *question, const char *index, const char *front, gboolean severity)
{
  g_string_append_printf (sql, "SELECT event.time AS time, event.seq AS seq FROM event INDEXED BY %s WHERE %s", index,
                          front);
  append_filters (sql, question, TRUE, severity, TRUE);
  append_range (sql, question);
}

/* One search for each severity. */
static void
append_searches (GString *sql, const Question *question, const char *index)
{
  int least = MAX ((int) question->query->severity, IPMID_SEVERITY_OK);

  for (int severity = least; severity <= IPMID_SEVERITY_CRITICAL; severity++)
    {
      g_autofree char *front = g_strdup_printf ("event.severity = %d", severity);
      g_string_append (sql, severity == least ? "" : " UNION ALL ");
      append_search (sql, question, index, front, FALSE);
    }
}

static void
append_best_search (GString *sql, const Question *question)
{
  const IpmidStoreEventQuery *query = question->query;

  if (query->sensor != NULL)
    append_search (sql, question, query->bmc != NULL ? "event_bmc_sensor" : "event_sensor", "event.sensor IS NOT NULL",
                   TRUE);
  else if (query->bmc != NULL)
    append_searches (sql, question, "event_bmc");
  else if (query->kind >= KIND_RARE)
    append_search (sql, question, "event_kind", "event.kind >= 4", TRUE);
  else if (query->severity > IPMID_SEVERITY_OK)
    append_searches (sql, question, "event_severity");
  else
    append_search (sql, question, "event_time", "1", TRUE);
}

static char *
page_by_time (const Question *question, guint limit)
{
  const char *order = question->query->oldest_first ? "ASC" : "DESC";
  GString *sql = g_string_new ("SELECT " EVENT_PAGE_COLUMNS " FROM (");

  append_best_search (sql, question);
  g_string_append_printf (sql,
                          " ORDER BY time %s, seq %s LIMIT %u) AS page CROSS JOIN event ON event.seq = page.seq"
                          " JOIN bmc ON bmc.id = event.bmc ORDER BY page.time %s, page.seq %s",
                          order, order, limit + 1, order, order);
  return g_string_free (sql, FALSE);
}

static char *
page_by_arrival (const Question *question, guint limit)
{
  GString *sql = g_string_new ("SELECT " EVENT_PAGE_COLUMNS " FROM event NOT INDEXED CROSS JOIN bmc"
                               " ON bmc.id = event.bmc WHERE 1");

  append_filters (sql, question, TRUE, TRUE, TRUE);
  append_range (sql, question);
  g_string_append_printf (sql, " ORDER BY event.seq %s LIMIT %u", question->query->oldest_first ? "ASC" : "DESC",
                          limit + 1);
  return g_string_free (sql, FALSE);
}

/* The index of words knows rows only, not times. */
static char *
page_by_words (const Question *question, guint limit)
{
  GString *sql = g_string_new ("SELECT " EVENT_PAGE_COLUMNS " FROM event_text CROSS JOIN event"
                               " ON event.seq = event_text.rowid JOIN bmc ON bmc.id = event.bmc"
                               " WHERE event_text MATCH ?2");

  append_filters (sql, question, TRUE, TRUE, TRUE);
  append_range (sql, question);
  g_string_append_printf (sql, " ORDER BY event_text.rowid %s LIMIT %u", question->query->oldest_first ? "ASC" : "DESC",
                          limit + 1);
  return g_string_free (sql, FALSE);
}

gboolean
event_page_init (EventPage *page, const IpmidStoreEventQuery *query, gint64 bmc, GError **error)
{
  Question question;

  *page = (EventPage){ .limit = query->limit == 0 ? LIMIT_DEFAULT : MIN (query->limit, IPMID_STORE_EVENTS_MAX) };
  if (!parse (&question, query, bmc, error))
    return FALSE;
  if (query->text != NULL && (page->words = parse_words (query, bmc, error)) == NULL)
    return FALSE;
  if (query->text != NULL)
    page->sql = page_by_words (&question, page->limit);
  else
    page->sql = question.by_row ? page_by_arrival (&question, page->limit) : page_by_time (&question, page->limit);
  return TRUE;
}

void
event_page_clear (EventPage *page)
{
  g_free (page->sql);
  g_free (page->words);
}
