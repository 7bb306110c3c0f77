/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request-config.c - the requests `reload` and `check`.
 *
 * The daemon around the core knows where the configuration comes from
 * (CoreDaemon); without one, as in tests of the core alone, there is none.
 */
#include "core/request-private.h"

#include "event/text.h"

#define MISTAKE_SHOWN_MAX 1024 /* bytes */

/* A reload that somebody waits for. */
typedef struct
{
  Request *request;
  guint number; /* of that reload or an earlier one; see Core.reloads */
} Waiter;

static void
free_waiter (gpointer data)
{
  Waiter *waiter = data;

  request_unref (waiter->request);
  g_free (waiter);
}

GPtrArray *
request_reload_waiters_new (void)
{
  return g_ptr_array_new_with_free_func (free_waiter);
}

static void
answer_reload (Core *core, Request *request, const GError *error)
{
  GVariantDict reply = G_VARIANT_DICT_INIT (NULL);

  if (error != NULL)
    {
      request_fail (request, IPMID_REQUEST_CONFLICT, "the configuration stays as it was: %s", error->message);
      return;
    }
  g_variant_dict_insert (&reply, "reloaded", "b", TRUE);
  g_variant_dict_insert (&reply, "bmcs", "x", (gint64) core->config->bmcs->len);
  g_variant_dict_insert (&reply, "handlers", "x", (gint64) core->config->handlers->len);
  request_answer (request, g_variant_dict_end (&reply));
}

/* One that was overtaken by a later one ends with that. */
void
request_on_reloaded (Core *core, guint number, const GError *error)
{
  for (guint i = core->reload_waiters->len; i-- > 0;)
    {
      const Waiter *waiter = core->reload_waiters->pdata[i];
      if (waiter->number > number)
        continue;
      g_autoptr (Request) request = request_ref (waiter->request);
      g_ptr_array_remove_index (core->reload_waiters, i);
      answer_reload (core, request, error);
    }
}

static void
answer_reopened (Request *request)
{
  request_answer (request, g_variant_new_parsed ("{'reloaded': <false>, 'reopened': <true>}"));
}

static void
refuse_mistakes (Request *request, const GPtrArray *mistakes)
{
  g_autofree char *first = text_clean (mistakes->pdata[0], -1, MISTAKE_SHOWN_MAX);
  g_autofree char *more
      = mistakes->len == 1 ? g_strdup ("") : g_strdup_printf (" (and %u more; check shows them)", mistakes->len - 1);

  request_fail (request, IPMID_REQUEST_CONFLICT, "the configuration stays as it was: %s%s", first, more);
}

void
request_reload (Core *core, Request *request)
{
  g_autoptr (GPtrArray) mistakes = g_ptr_array_new_with_free_func (g_free);
  const CoreDaemon *around = &core->around;

  if (around->reload == NULL)
    {
      core_reopen (core);
      answer_reopened (request);
      return;
    }
  Waiter *waiter = g_new (Waiter, 1);
  *waiter = (Waiter){ request_ref (request), core->reloads + 1 };
  g_ptr_array_add (core->reload_waiters, waiter);
  /* It may be over before this returns, and the waiter answered. */
  CoreReloadStart start = around->reload (around->user_data, mistakes);
  if (start == CORE_RELOAD_BEGUN)
    return;
  g_ptr_array_remove (core->reload_waiters, waiter);
  if (start == CORE_RELOAD_REOPENED)
    answer_reopened (request);
  else
    refuse_mistakes (request, mistakes);
}

static GVariant *
make_lines (const GPtrArray *lines)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("as"));

  for (guint i = 0; i < lines->len; i++)
    {
      g_autofree char *clean = text_clean (lines->pdata[i], -1, MISTAKE_SHOWN_MAX);
      g_variant_builder_add (&builder, "s", clean);
    }
  return g_variant_builder_end (&builder);
}

void
request_check_config (Core *core, Request *request)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  const CoreDaemon *around = &core->around;
  GVariantDict reply = G_VARIANT_DICT_INIT (NULL);

  if (around->config == NULL)
    {
      request_fail (request, IPMID_REQUEST_CONFLICT,
                    "ipmid was started without a configuration file: there is nothing to check");
      return;
    }
  around->check (around->user_data, errors, warnings);
  g_variant_dict_insert (&reply, "config", "s", around->config);
  g_variant_dict_insert (&reply, "good", "b", errors->len == 0);
  g_variant_dict_insert_value (&reply, "errors", make_lines (errors));
  g_variant_dict_insert_value (&reply, "warnings", make_lines (warnings));
  request_answer (request, g_variant_dict_end (&reply));
}
