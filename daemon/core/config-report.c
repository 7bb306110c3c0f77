/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-report.c - what is wrong with the configuration, as lines for people; see config-file.h. */
#include "core/config-private.h"

/* A report that nobody reads to its end need not be longer. */
#define PROBLEMS_MAX 1000u

typedef struct
{
  ConfigProblem problem;
  char *file;
  guint source; /* where the file stands among the sources */
  guint line;
  guint order; /* of finding */
  char *message;
} Problem;

ConfigReport *
config_report_new (void)
{
  ConfigReport *report = g_new0 (ConfigReport, 1);

  report->errors = g_ptr_array_new_with_free_func (g_free);
  report->warnings = g_ptr_array_new_with_free_func (g_free);
  return report;
}

void
config_report_free (ConfigReport *report)
{
  if (report == NULL)
    return;
  g_ptr_array_unref (report->errors);
  g_ptr_array_unref (report->warnings);
  g_free (report);
}

static void
clear_problem (gpointer data)
{
  Problem *problem = data;

  g_free (problem->file);
  g_free (problem->message);
}

GArray *
config_report_problems_new (void)
{
  GArray *problems = g_array_new (FALSE, FALSE, sizeof (Problem));

  g_array_set_clear_func (problems, clear_problem);
  return problems;
}

void
config_report_problem (ConfigLoader *loader, ConfigProblem problem, const char *file, guint line, const char *format,
                       ...)
{
  Problem entry
      = { problem, g_strdup (file), config_file_source_index (loader, file), line, loader->problems->len, NULL };
  va_list args;

  va_start (args, format);
  entry.message = g_strdup_vprintf (format, args);
  va_end (args);
  g_array_append_val (loader->problems, entry);
}

static gint
compare_problems (gconstpointer a, gconstpointer b)
{
  const Problem *one = a, *two = b;

  if (one->source != two->source)
    return one->source < two->source ? -1 : 1;
  if (one->line != two->line)
    return one->line < two->line ? -1 : 1;
  return one->order < two->order ? -1 : 1;
}

static char *
format_problem (const Problem *problem)
{
  const char *warning = problem->problem == CONFIG_WARNING ? "warning: " : "";

  if (problem->line == 0)
    return g_strdup_printf ("%s: %s%s", problem->file, warning, problem->message);
  return g_strdup_printf ("%s:%u: %s%s", problem->file, problem->line, warning, problem->message);
}

void
config_report_fill (ConfigLoader *loader, ConfigReport *report)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  g_array_sort (loader->problems, compare_problems);
  for (guint i = 0; i < loader->problems->len; i++)
    {
      const Problem *problem = &g_array_index (loader->problems, Problem, i);
      GPtrArray *list = problem->problem == CONFIG_ERROR ? report->errors : report->warnings;
      g_autofree char *text = format_problem (problem);

      if (list->len >= PROBLEMS_MAX || g_hash_table_contains (seen, text))
        continue;
      g_hash_table_add (seen, text);
      g_ptr_array_add (list, g_steal_pointer (&text));
    }
}
