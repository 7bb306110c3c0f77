/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sel-delete.c - deletes a record from the SEL once everybody has handled it.
 *
 * That everybody has is the host's business (IPMID_PLUGIN_FINALIZER); that
 * only the very record is deleted is the collector's, which compares all
 * sixteen bytes.
 *
 * Outcomes come on a thread of the host, perhaps after `close`.  What they need
 * is therefore shared and counted; its mutex guards `closed` and `refused`.
 */
#include <ipmid/plugin.h>

typedef struct
{
  gatomicrefcount references;
  const IpmidHostApi *api;
  gboolean dry_run;
  GMutex mutex;
  IpmidHost *host;     /* NULL once closed */
  GHashTable *refused; /* the names of BMCs that refuse, said already */
} Shared;

typedef struct
{
  /* Filled in by the host. */
  gboolean dry_run;
  gboolean allow_clear;

  Shared *shared;
} SelDelete;

/* One record that the host has been asked to delete. */
typedef struct
{
  Shared *shared;
  IpmidEvent *event;
  guint64 token;
} Request;

static const IpmidOption options[] = {
  { .key = "dry-run",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = G_STRUCT_OFFSET (SelDelete, dry_run),
    .fallback = "no",
    .argument = "yes|no",
    .help = "Says in the log what would be deleted, and deletes nothing.  A record that was passed over in this way is "
            "not deleted later either." },
  { .key = "allow-clear",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = G_STRUCT_OFFSET (SelDelete, allow_clear),
    .fallback = "no",
    .argument = "yes|no",
    .help = "A BMC that cannot delete a single record may have its whole SEL cleared, once all that stands in it is "
            "handled.  A record that the BMC adds in the same moment may be lost." },
  { .key = NULL },
};

static Shared *
shared_new (IpmidHost *host, gboolean dry_run)
{
  Shared *shared = g_new0 (Shared, 1);

  g_atomic_ref_count_init (&shared->references);
  g_mutex_init (&shared->mutex);
  shared->api = host->api;
  shared->host = host;
  shared->dry_run = dry_run;
  shared->refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return shared;
}

static void
shared_unref (Shared *shared)
{
  if (!g_atomic_ref_count_dec (&shared->references))
    return;
  g_hash_table_unref (shared->refused);
  g_mutex_clear (&shared->mutex);
  g_free (shared);
}

/* A refusal is for good and for every record: it is said once, and does not
 * fill the dead letters. */
static void
warn_of_refusal (Shared *shared, const IpmidEvent *event, const char *message)
{
  const char *bmc = ipmid_event_string (shared->host, event, IPMID_FIELD_BMC);

  if (bmc == NULL || !g_hash_table_add (shared->refused, g_strdup (bmc)))
    return;
  ipmid_host_log (shared->host, IPMID_LOG_WARNING, event, "%s does not let records be deleted from its SEL: %s", bmc,
                  message);
}

/* Says what has to be said; returns the verdict. */
static IpmidVerdict
conclude (Shared *shared, const IpmidEvent *event, IpmidDeleteOutcome outcome, const char *message)
{
  gint64 record = ipmid_event_integer (shared->host, event, IPMID_FIELD_RECORD_ID);

  switch (outcome)
    {
    case IPMID_DELETE_DONE:
      ipmid_host_log (shared->host, shared->dry_run ? IPMID_LOG_NOTICE : IPMID_LOG_DEBUG, event,
                      "record 0x%04x %s deleted from the SEL", (guint) record, shared->dry_run ? "would be" : "was");
      return IPMID_VERDICT_DONE;
    case IPMID_DELETE_CHANGED:
      ipmid_host_log (shared->host, IPMID_LOG_NOTICE, event,
                      "another record stands under 0x%04x by now: it is left alone", (guint) record);
      return IPMID_VERDICT_DONE;
    case IPMID_DELETE_REFUSED:
      warn_of_refusal (shared, event, message);
      return IPMID_VERDICT_DONE;
    case IPMID_DELETE_NOT_ALLOWED:
      ipmid_host_log (shared->host, IPMID_LOG_ERROR, event, "record 0x%04x is not to be deleted yet: %s",
                      (guint) record, message);
      return IPMID_VERDICT_RETRY;
    case IPMID_DELETE_UNAVAILABLE:
    default:
      return IPMID_VERDICT_RETRY;
    }
}

static void
on_outcome (gpointer user_data, IpmidDeleteOutcome outcome, const char *message)
{
  Request *request = user_data;
  Shared *shared = request->shared;

  if (message == NULL)
    message = "no reason was given";
  g_mutex_lock (&shared->mutex);
  if (shared->host != NULL)
    {
      IpmidVerdict verdict = conclude (shared, request->event, outcome, message);
      ipmid_host_answer (shared->host, request->token, verdict, verdict == IPMID_VERDICT_DONE ? NULL : message);
    }
  g_mutex_unlock (&shared->mutex);
  shared->api->event_unref (request->event);
  shared_unref (shared);
  g_free (request);
}

static gboolean
sel_delete_open (gpointer state, IpmidHost *host, G_GNUC_UNUSED GError **error)
{
  SelDelete *self = state;

  self->shared = shared_new (host, self->dry_run);
  return TRUE;
}

static void
sel_delete_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  SelDelete *self = state;
  IpmidHost *host = self->shared->host; /* only this thread changes it */
  IpmidDeleteFlags flags
      = (self->dry_run ? IPMID_DELETE_DRY_RUN : 0) | (self->allow_clear ? IPMID_DELETE_ALLOW_CLEAR : 0);

  for (guint i = 0; i < batch->n_events; i++)
    {
      Request *request = NULL;

      /* ipmid's own events stand in no SEL. */
      if (!ipmid_event_has (host, batch->events[i], IPMID_FIELD_RAW))
        {
          verdicts[i] = IPMID_VERDICT_DONE;
          continue;
        }
      request = g_new0 (Request, 1);
      g_atomic_ref_count_inc (&self->shared->references);
      request->shared = self->shared;
      request->event = ipmid_event_ref (host, batch->events[i]);
      request->token = batch->tokens[i];
      verdicts[i] = IPMID_VERDICT_LATER;
      ipmid_host_delete_record (host, request->event, flags, on_outcome, request);
    }
}

static void
sel_delete_close (gpointer state)
{
  SelDelete *self = state;

  g_mutex_lock (&self->shared->mutex);
  self->shared->host = NULL;
  g_mutex_unlock (&self->shared->mutex);
  g_clear_pointer (&self->shared, shared_unref);
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "sel-delete",
  .version = PLUGIN_VERSION,
  .summary = "delete handled records from the SEL",
  .flags = IPMID_PLUGIN_FINALIZER,
  .state_size = sizeof (SelDelete),
  .options = options,
  .open = sel_delete_open,
  .deliver = sel_delete_deliver,
  .close = sel_delete_close,
};
