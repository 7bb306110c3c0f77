/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ipmid-example.c - a complete handler in one file: counts events.
 *
 * It keeps a text file with one number per severity, in the format that the
 * node exporter of Prometheus reads ("textfile collector").  Use it with
 *
 *   ipmid mybmc lan -U USER -P PASSWORD HOST --handler ipmid-example path=/var/lib/node_exporter/ipmid.prom
 *
 * Build it with the Makefile beside it; ipmid-plugin(7) explains every step.
 */
#include <ipmid/plugin.h>

#include <string.h>

#define N_SEVERITIES (IPMID_SEVERITY_CRITICAL + 1)

static const char *const severity_names[N_SEVERITIES] = { "none", "ok", "info", "warning", "critical" };

/* One per configured handler, zeroed by ipmid, the options filled in. */
typedef struct
{
  char *path;
  IpmidHost *host;
  guint64 counts[N_SEVERITIES];
} Example;

static const IpmidOption options[] = {
  { .key = "path",
    .type = IPMID_OPTION_PATH,
    .offset = G_STRUCT_OFFSET (Example, path),
    .required = TRUE,
    .argument = "PATH",
    .help = "The file that holds the counts." },
  { .key = NULL },
};

/* Replaces the file as a whole, so that no reader ever sees half of it, and so
 * that it is on disk before we say DONE. */
static gboolean
save (Example *example, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < N_SEVERITIES; i++)
    g_string_append_printf (text, "ipmid_events_total{severity=\"%s\"} %" G_GUINT64_FORMAT "\n", severity_names[i],
                            example->counts[i]);
  return g_file_set_contents_full (example->path, text->str, (gssize) text->len,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644, error);
}

/* Goes on counting where an earlier ipmid ended. */
static void
load (Example *example)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (example->path, &text, NULL, NULL))
    return;
  lines = g_strsplit (text, "\n", N_SEVERITIES + 1);
  for (guint i = 0; i < N_SEVERITIES && lines[i] != NULL; i++)
    {
      const char *number = strrchr (lines[i], ' ');
      example->counts[i] = number == NULL ? 0 : g_ascii_strtoull (number, NULL, 10);
    }
}

/* FALSE here means that ipmid says why and does not start. */
static gboolean
example_open (gpointer state, IpmidHost *host, GError **error)
{
  Example *example = state;

  example->host = host;
  load (example);
  return save (example, error);
}

/* On a thread of our own: blocking is fine.  Either the whole batch is counted
 * on disk, or none of it is and we are asked again. */
static void
example_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Example *example = state;
  guint64 before[N_SEVERITIES];
  g_autoptr (GError) error = NULL;

  memcpy (before, example->counts, sizeof before);
  for (guint i = 0; i < batch->n_events; i++)
    {
      gint64 severity = ipmid_event_integer (example->host, batch->events[i], IPMID_FIELD_SEVERITY);
      example->counts[severity > 0 && severity < N_SEVERITIES ? severity : 0]++;
    }
  gboolean saved = save (example, &error);
  if (!saved)
    memcpy (example->counts, before, sizeof before);
  for (guint i = 0; i < batch->n_events; i++)
    {
      verdicts[i] = saved ? IPMID_VERDICT_DONE : IPMID_VERDICT_RETRY;
      if (!saved)
        ipmid_host_reason (example->host, batch->tokens[i], error->message);
    }
}

static void
example_close (gpointer state)
{
  Example *example = state;

  ipmid_host_log (example->host, IPMID_LOG_INFO, NULL, "the counts are in %s", example->path);
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "ipmid-example",
  .version = "1.0",
  .summary = "Counts events per severity in a text file",
  .state_size = sizeof (Example),
  .options = options,
  .open = example_open,
  .deliver = example_deliver,
  .close = example_close,
};
