/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-cache.c - see bmc-private.h.
 *
 * OpenIPMI asks for the sensor data records that it had last time, and looks at
 * the repository's times before it believes them (sdr.c).  It asks on behalf of
 * the BMC whose answer is being looked at.  Only the BMC's own repository comes
 * from here: it is the first that is asked for.  A satellite's is read. */
#include "bmc-private.h"

static Bmc *
served (const BmcHost *host)
{
  const BmcDomain *domain = host->answering;

  return domain == NULL ? NULL : domain->bmc;
}

gboolean
bmc_cache_is_wanted (const Bmc *bmc)
{
  return bmc->sensors != NULL || bmc->settings->sdr_cache != NULL;
}

void
bmc_cache_begin (Bmc *bmc)
{
  g_clear_pointer (&bmc->cache_key, g_free);
}

/* `packed` NULL: what is kept is no good. */
static void
keep (Bmc *bmc, const char *key, GBytes *packed)
{
  ConnectSettings *settings = bmc->settings;
  g_autoptr (GBytes) data = packed == NULL ? g_bytes_new (NULL, 0) : g_bytes_ref (packed);

  bmc_send_frame (
      bmc, FRAME_SDR_CACHE,
      g_variant_new ("(us@ay)", bmc->number, key, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, data, TRUE)));
  g_clear_pointer (&settings->sdr_cache, g_bytes_unref);
  g_clear_pointer (&settings->sdr_cache_key, g_free);
  if (packed == NULL)
    return;
  settings->sdr_cache = g_bytes_ref (packed);
  settings->sdr_cache_key = g_strdup (key);
}

static guint8 *
find (const char *key, gsize *length, gpointer user_data)
{
  Bmc *bmc = served (user_data);
  guint8 *data;

  if (bmc == NULL || bmc->phase != BMC_CONNECTING || bmc->cache_key != NULL)
    return NULL;
  bmc->cache_key = g_strdup (key);
  if (bmc->settings->sdr_cache == NULL || g_strcmp0 (bmc->settings->sdr_cache_key, key) != 0)
    return NULL;
  data = sdr_blob_unpack (bmc->settings->sdr_cache, guarded_con_sdrs (bmc->con), length);
  if (data == NULL)
    keep (bmc, key, NULL);
  return data;
}

static void
store (const char *key, const guint8 *data, gsize length, gpointer user_data)
{
  Bmc *bmc = served (user_data);
  g_autoptr (GBytes) packed = NULL;

  /* Later it may be a satellite's. */
  if (bmc == NULL || bmc->phase != BMC_CONNECTING || g_strcmp0 (bmc->cache_key, key) != 0)
    return;
  packed = sdr_blob_pack (data, length, FRAME_SDR_CACHE_MAX);
  /* OpenIPMI stores also what it has just got from here. */
  if (packed != NULL && bmc->settings->sdr_cache != NULL && g_bytes_equal (packed, bmc->settings->sdr_cache)
      && g_strcmp0 (bmc->settings->sdr_cache_key, key) == 0)
    return;
  if (packed != NULL || bmc->settings->sdr_cache != NULL)
    keep (bmc, key, packed);
}

void
bmc_cache_attach (BmcHost *host)
{
  static const OsHandlerDatabase database = { find, store };

  os_handler_set_database (host->os_handler, &database, host);
}
