/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal-room.c - how much the journal may take, and a disk that is full; see journal.h.
 *
 * The journal's thread, but for what journal.h says any thread may ask.
 */
#include "core/journal-private.h"

#include "core/log.h"

/* Commits between two looks at the journal's size. */
#define SIZE_CHECK_EVERY 64

/* What one transaction adds to the log, at most or nearly so. */
#define TRANSACTION_ROOM (256 * 1024)

/* A shortage that is none of the limits'. */
static const char no_room[] = "no room for the journal";

/* On a full disk the log can be moved into the database only if the ballast
 * makes room for what is in it. */
void
journal_room_limit_log (Journal *journal)
{
  gint64 size = journal->ballast == NULL ? G_MAXINT64 : ballast_size (journal->ballast);

  if (size != journal->log_limit)
    store_limit_log (journal->store, size - TRANSACTION_ROOM);
  journal->log_limit = size;
}

gboolean
journal_is_full (Journal *journal)
{
  return journal_get_shortage (journal) != NULL;
}

const char *
journal_get_shortage (Journal *journal)
{
  return g_atomic_pointer_get (&journal->shortage);
}

void
journal_set_limits (Journal *journal, const RoomLimits *limits)
{
  g_mutex_lock (&journal->lock);
  journal->limits = *limits;
  g_mutex_unlock (&journal->lock);
}

gint64
journal_size_limit (Journal *journal)
{
  g_mutex_lock (&journal->lock);
  gint64 limit = journal->limits.size_limit;
  g_mutex_unlock (&journal->lock);
  return limit;
}

gint64
journal_measure (Journal *journal)
{
  return store_size (journal->store) * 100 / MAX (journal_size_limit (journal), 1);
}

void
journal_room_set_room (Journal *journal)
{
  if (journal_is_full (journal))
    log_line (IPMID_LOG_NOTICE, NULL, "there is room in the journal again: reading of SELs goes on");
  g_atomic_pointer_set (&journal->shortage, NULL);
  journal->full_until = 0;
  if (journal->ballast == NULL)
    return;
  ballast_take (journal->ballast);
  journal_room_limit_log (journal);
}

static void
set_full (Journal *journal, const char *why)
{
  if (!journal_is_full (journal))
    log_line (IPMID_LOG_ERROR, NULL,
              "%s: reading of SELs stops until there is room again (the BMCs keep their records); "
              "deliveries go on",
              why);
  g_atomic_pointer_set (&journal->shortage, why);
  journal->full_until = g_get_monotonic_time () + JOURNAL_FULL_PAUSE;
}

void
journal_room_set_none (Journal *journal)
{
  set_full (journal, no_room);
}

static RoomLimits
copy_limits (Journal *journal)
{
  g_mutex_lock (&journal->lock);
  RoomLimits limits = journal->limits;
  g_mutex_unlock (&journal->lock);
  return limits;
}

/* Not under the lock: it may write much, and whoever submits does not wait for
 * that. */
gboolean
journal_room_may_take_in (Journal *journal)
{
  const RoomLimits limits = copy_limits (journal);

  if (journal->full_until > g_get_monotonic_time ())
    return FALSE;
  if (!journal_is_full (journal) && journal->commits++ % SIZE_CHECK_EVERY != 0)
    return TRUE;
  /* Its log is part of its size, and else never gets smaller. */
  if (room_is_tight (&limits, store_size (journal->store)))
    store_shrink_log (journal->store);
  const char *why
      = room_find_shortage (&limits, journal->directory, store_size (journal->store), journal_is_full (journal));
  if (why != NULL)
    set_full (journal, why);
  /* Whether a full disk has room again, only a commit can tell. */
  else if (journal_get_shortage (journal) != no_room)
    journal_room_set_room (journal);
  return why == NULL;
}
