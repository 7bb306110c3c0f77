/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger.h - what is new in a SEL, under which id, and who is owed it.
 *
 * The rules of the promise live here, over the tables of store.h: every new
 * record becomes exactly one event with a stable id; every handler that matches
 * it is owed it; a finalizer is owed it once all required handlers are DONE.
 *
 * A ledger belongs to the journal's thread.  Its functions run inside a
 * transaction and may run again, with the same arguments, after a rollback.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "core/crash-note.h"
#include "core/filter.h"
#include "core/quiet.h"
#include "core/store.h"

typedef struct _Ledger Ledger;

/* How the ledger hands a handler what it is owed.  The functions are called on
 * the journal's thread, after the commit. */
typedef struct
{
  const char *name; /* of the handler */
  gboolean required;
  gboolean finalizer;
  gboolean live; /* is offered what its filter wants, and owed nothing; quiet and quota mean nothing */
  Filter filter; /* what it points to stays the handler's, and has to last as long as `user_data` */
  QuietRule quiet;
  gint64 quota; /* deliveries that may be pending, and dead letters, before new ones are shed */
  void (*offer) (gpointer user_data, gint64 bmc, gint64 seq, IpmidEvent *event);
  /* It is owed events of this BMC, from this one on, that may be older than what it
   * was offered. */
  void (*reread) (gpointer user_data, gint64 bmc, gint64 seq);
  gpointer user_data;
} LedgerHandler;

typedef struct
{
  gint64 pending;
  gint64 dead;
  gint64 shed;     /* since start; the others below, too */
  gint64 hushed;   /* held back in a quiet time */
  gint64 silenced; /* held back in a silence */
} LedgerCounts;

Ledger *ledger_new (Store *store);
void ledger_free (Ledger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Ledger, ledger_free)

Store *ledger_store (Ledger *ledger);

/* The journal begins afresh after damage: what stands in a SEL that it does not
 * know is new, not existing. */
void ledger_distrust_existing (Ledger *ledger);

/* The BMC's and the handler's numbers, or 0.  One that is known already keeps
 * its number; of a handler the description is replaced.  `was`: an earlier name,
 * whose history the BMC keeps if there is no history under its own; NULL: none. */
gint64 ledger_add_bmc (Ledger *ledger, const char *name, const char *was, GError **error);
gint64 ledger_add_handler (Ledger *ledger, const LedgerHandler *handler, GError **error);
/* What the user says of the BMC, for filters and silences; before anything else
 * runs, or later, within a transaction.  `labels` ("KEY=VALUE", may be NULL) are
 * copied; `silence_until`: wall clock, microseconds; 0: no silence. */
void ledger_set_bmc_attributes (Ledger *ledger, gint64 bmc, const char *const *labels, gint64 silence_until);
/* After that, if anything runs already, in the same transaction: what waits for the
 * end of a silence is looked at again. */
gboolean ledger_silences_changed (Ledger *ledger, GError **error);
/* The BMC of that name; 0: none was added. */
gint64 ledger_bmc_named (Ledger *ledger, const char *name);
/* Somebody asks for silence until then, besides what the configuration says; it lasts
 * over restarts.  0: not any more. */
gboolean ledger_silence (Ledger *ledger, gint64 bmc, gint64 until, GError **error);

typedef struct
{
  gint64 epoch;
  gint64 silence_until; /* of both kinds, the longer: wall clock, microseconds; 0: no silence */
} LedgerBmcInfo;
gboolean ledger_bmc_info (Ledger *ledger, gint64 bmc, LedgerBmcInfo *info, GError **error);
/* The handler is owed nothing new from now on, and is offered nothing. */
gboolean ledger_remove_handler (Ledger *ledger, gint64 handler, GError **error);
/* After all handlers are known: what the others were owed becomes dead letters. */
gboolean ledger_bury_orphans (Ledger *ledger, gint64 *moved, GError **error);
/* The same for one that was removed, and has ended. */
gboolean ledger_bury_handler (Ledger *ledger, gint64 handler, gint64 *moved, GError **error);

/* After the commit: counters and offers become real. */
void ledger_committed (Ledger *ledger);
/* After a rollback: everything is as it was before the transaction. */
void ledger_rolled_back (Ledger *ledger);

/* ------------------------------------------------------ from the collector */

/* How far this BMC's SEL was read.  Contact DOUBT: done, but it is to be found
 * out whether the cursor's record still stands, for ledger_tail(). */
gboolean ledger_cursor (Ledger *ledger, gint64 bmc, StoreBmc *state, GError **error);

/* Who answers at this name.  Another GUID than before means another board, whose
 * SEL was never seen: it begins with an epoch of its own and a first contact.
 * Or it means that the same board was given new firmware: then its SEL goes on,
 * and that is certain only if the cursor's record, with its date, still stands;
 * so if there is such a one, ledger_tail() decides.
 * A GUID of zeros or of ones identifies nobody and is not taken (nor NULL).
 * `announce`: a health event tells. */
gboolean ledger_identity (Ledger *ledger, gint64 bmc, const guint8 *guid, gboolean announce, GError **error);

/* Something about the BMC is wrong (raised) or right again.  The event, which is
 * ipmid's own, is owed if that is news to the journal, else not. */
gboolean ledger_alarm (Ledger *ledger, gint64 bmc, StoreAlarm alarm, gboolean raised, IpmidEvent *event,
                       GError **error);

/* First contact: the last record that stands (NULL: the SEL is empty).  In doubt
 * it is the cursor's record, if that stands; `announce` as above. */
gboolean ledger_tail (Ledger *ledger, gint64 bmc, const guint8 *record, gboolean announce, GError **error);

/* Records in SEL order: events with RAW, KIND and so on, not yet ID and BMC. */
gboolean ledger_records (Ledger *ledger, gint64 bmc, guint walk, gboolean first, GPtrArray *events, GError **error);

/* The walk has ended; complete: what it did not show does not stand any more. */
gboolean ledger_walk_end (Ledger *ledger, gint64 bmc, guint walk, gboolean complete, GError **error);

/* Somebody else cleared the SEL, or it overflowed. */
gboolean ledger_suspect (Ledger *ledger, gint64 bmc, gboolean overflow, gint64 last_confirmed, GError **error);

/* What Get SEL Info says.  A flag that rose while nobody was connected is a
 * gap, unless it stood at first contact; one that rises later is suspected. */
gboolean ledger_overflow (Ledger *ledger, gint64 bmc, gboolean overflow, gboolean connected, GError **error);

/* An event of ipmid's own (gap, message, connection, health): gets an id. */
gboolean ledger_own_event (Ledger *ledger, gint64 bmc, IpmidEvent *event, GError **error);

/* ------------------------------------------------------- about ipmid itself */

/* Ipmid's own place among the BMCs, under which it speaks of itself; 0 on
 * failure.  Before anything else runs, or within a transaction. */
gint64 ledger_add_self (Ledger *ledger, GError **error);

/* What it is called there: "ipmid@HOST", cleaned. */
char *ledger_self_name (void);

/* What is wrong with this handler (0: the journal) is at this level now, 0 being
 * all is well.  If the journal knows it otherwise, the event is owed to all who
 * match it; `*told` says so.  Takes no reference. */
gboolean ledger_tell_own (Ledger *ledger, gint64 handler, StoreOwn what, gint64 level, IpmidEvent *event,
                          gboolean *told, GError **error);

/* The alarms (StoreOwnAlarm) of handlers that are not there any more. */
GArray *ledger_list_orphaned_alarms (Ledger *ledger, GError **error);

/* A sign of life for this handler alone, whatever its filter says: if its last
 * one is `interval` (microseconds) old, and is not still waiting. */
gboolean ledger_heartbeat (Ledger *ledger, gint64 handler, gint64 interval, IpmidEvent *event, GError **error);

/* Notifications whose quiet time or silence has ended are owed now; about once
 * a second.  It takes events in, like the functions above.  `*needed` FALSE: no
 * handler of today will have one. */
gboolean ledger_release (Ledger *ledger, gboolean *needed, GError **error);

/* For tests: what is the wall clock, in microseconds, instead of
 * g_get_real_time(). */
void ledger_set_clock (Ledger *ledger, gint64 (*clock) (void));

/* -------------------------------------------------------- from the handlers */

/* Counts an attempt for each of the `n` in `seqs`, all of this lane, in a batch of so
 * many events. */
gboolean ledger_attempt (Ledger *ledger, gint64 handler, gint64 bmc, const gint64 *seqs, guint n, guint batch,
                         GError **error);

typedef enum
{
  LEDGER_DONE,   /* handled */
  LEDGER_DEAD,   /* a dead letter now, for `reason` */
  LEDGER_RETRY,  /* not in flight any more, still owed */
  LEDGER_UNTRIED /* likewise, and the attempt does not count */
} LedgerOutcome;

gboolean ledger_settle (Ledger *ledger, gint64 handler, gint64 bmc, gint64 seq, IpmidEvent *event,
                        LedgerOutcome outcome, const char *reason, GError **error);

/* What a crash in a handler's call says of the event that it had in hand. */
typedef struct
{
  char *handler;     /* its name (g_free()); NULL: it is not configured any more */
  gboolean counts;   /* for the first time, and against this event; else there is nothing more to say */
  gint64 crashes;    /* of this event alone, so far */
  IpmidEvent *event; /* a reference */
  char *reason;      /* why it is a dead letter now (g_free()); NULL: it is not */
} LedgerCrash;

/* Counts it, once, however often it is told.  An event that was alone in the call in
 * at least LEDGER_CRASHES crashes is a dead letter, if in the life that ended with the
 * last of them the handler had handled another event: else it may be all events that
 * it crashes on.  For handlers that are configured. */
#define LEDGER_CRASHES 3
gboolean ledger_crash (Ledger *ledger, const CrashNote *note, LedgerCrash *crash, GError **error);
void ledger_crash_clear (LedgerCrash *crash);

/* Dead letters of a handler that is configured are owed to it again, as if they had
 * never been tried: the first ones of the range, as many as one transaction should
 * take.  `range->last` then is the last of those.  Not if it is fed live: nobody
 * would deliver. */
gboolean ledger_replay (Ledger *ledger, StoreDeadRange *range, gint64 *moved, GError **error);
gboolean ledger_can_be_replayed (Ledger *ledger, gint64 handler);
/* They are forgotten, likewise; also of a handler that is not configured any more.
 * Their records stay in the SEL as if they were still owed. */
gboolean ledger_drop (Ledger *ledger, StoreDeadRange *range, gint64 *dropped, GError **error);

/* A handler is to be owed what was received before it was there and the journal still
 * has; what was backfilled already is not owed again.  A part of its quota stays free for
 * what is new. */
typedef struct
{
  gint64 since; /* not what was received before: nanoseconds since 1970 */
  gint64 after; /* the caller's: look at events after this seq; at first 0 */
  gint64 end;   /* the ledger's: where this run ends, and what earlier ones have filled */
  gint64 filled;
  gint64 filled_since;
  gint64 part_after; /* of this part: what `after` is next; how many it owes */
  gint64 part_owed;
  gboolean is_over; /* there is no other part */
  gboolean is_full; /* because the handler has no room */
} LedgerBackfill;

/* One part of it, in one transaction; on, until it is over.  The handler is there. */
gboolean ledger_backfill (Ledger *ledger, gint64 handler, LedgerBackfill *backfill, GError **error);
/* The same of events (IpmidEvent with ID, BMC and RECEIVED) that a store has, in this order,
 * in one transaction.  `*owed`: how many are owed now; `*is_full`: from some event on the
 * handler has no room.  Of those that the handler was owed before, none is. */
gboolean ledger_backfill_stored (Ledger *ledger, gint64 handler, gint64 since, const GPtrArray *events, gint64 *owed,
                                 gboolean *is_full, GError **error);
/* What a store has and what the journal still has was gone through to the end, for this span: what was received
 * from `since` on is had now.  Nothing, if the span has changed meanwhile.  `*is_all`: nothing lies between any
 * more, so that store_backfilled_forget() may follow. */
gboolean ledger_backfill_end (Ledger *ledger, gint64 handler, const StoreSpan *span, gint64 since, gboolean *is_all,
                              GError **error);
/* Neither a finalizer nor fed live. */
gboolean ledger_can_be_owed (Ledger *ledger, gint64 handler);

/* The handler of that name is configured; 0: none is. */
gint64 ledger_handler_named (Ledger *ledger, const char *name);

void ledger_counts (Ledger *ledger, gint64 handler, LedgerCounts *counts);

/* ----------------------------------------------------------------- deletes */

typedef enum
{
  LEDGER_DELETE_GO,          /* the intent is on record; ask the BMC */
  LEDGER_DELETE_CHANGED,     /* the record is gone or another one stands under its id */
  LEDGER_DELETE_NOT_ALLOWED, /* a required handler has not answered DONE */
} LedgerDelete;

typedef struct
{
  guint8 record[STORE_RECORD_SIZE];
  guint8 predecessor[STORE_RECORD_SIZE];
  gboolean has_predecessor;
  gboolean may_clear; /* every record that is believed to stand is to be deleted */
} LedgerIntent;

/* `dry_run`: decides, but records no intent. */
gboolean ledger_delete_intent (Ledger *ledger, gint64 bmc, gint64 seq, const IpmidEvent *event, gboolean dry_run,
                               LedgerDelete *decision, LedgerIntent *intent, GError **error);
/* The BMC has deleted it. */
gboolean ledger_deleted (Ledger *ledger, gint64 bmc, const LedgerIntent *intent, GError **error);

/* Somebody wants the SEL to be cleared. */
typedef struct
{
  guint standing;      /* how many records stand; 0: there is nothing to clear */
  char *obstacle;      /* why it must not be, in words (g_free); NULL: the intent is on record */
  GArray *marked;      /* guint16: the records that were marked for it; the caller's, filled in */
  LedgerIntent intent; /* what to ask the BMC: the last record, and to clear if nothing follows it */
} LedgerClear;

/* Whether the SEL, which has just been walked, may be cleared: every required
 * handler (at least one) has handled all that stands in it and is DONE with it on
 * disk.  `force`: it may be in any case. */
gboolean ledger_clear_intent (Ledger *ledger, gint64 bmc, gboolean force, LedgerClear *clear, GError **error);
/* The BMC has done so; it certainly has not, or was not asked.  If nobody knows, the
 * next walk tells: what it shows was not cleared. */
gboolean ledger_cleared (Ledger *ledger, gint64 bmc, GError **error);
gboolean ledger_clear_refused (Ledger *ledger, gint64 bmc, const LedgerClear *clear, GError **error);

#endif
