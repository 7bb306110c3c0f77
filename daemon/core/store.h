/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store.h - the journal's tables in SQLite.
 *
 * WAL, synchronous=FULL; one connection writes and checkpoints.  A store
 * belongs to one thread (the journal's).  Errors are IPMID_ERROR_JOURNAL_FULL
 * when there is no room, IPMID_ERROR_SCHEMA, IPMID_ERROR_JOURNAL_DAMAGED, else
 * IPMID_ERROR_JOURNAL.
 *
 *   bmc       how far each SEL was read
 *   record    every record id used in a BMC's SEL, with its sixteen bytes
 *   event     what is still owed to somebody, or is a dead letter
 *   delivery  who is owed it
 *   dead      dead letters
 *   handler   names and counters
 *   backfilled  what handlers were owed of the time before they were there
 *   notice    what a handler was told of sensors' states, and what waits to be told
 *   quiet     when its quiet times began
 *   alarm     what the world was told about ipmid itself, and is not over yet
 */
#ifndef STORE_H
#define STORE_H

#include "event/event.h"

#define STORE_SCHEMA 11

/* The sixteen bytes of one SEL record. */
#define STORE_RECORD_SIZE 16

/* The sixteen bytes of a GUID (IPMI 2.0, section 20.8). */
#define STORE_GUID_SIZE STORE_RECORD_SIZE

typedef struct _Store Store;

/* `directory` NULL: in memory.  A journal of an older schema is brought forward. */
Store *store_open (const char *directory, GError **error);
/* Reads only; for looking at the journal of an ipmid that may be running. */
Store *store_open_readonly (const char *directory, GError **error);
void store_close (Store *store);

/* A damaged journal is set aside, as journal.bad.TIME, so that a fresh one can
 * begin.  What was found to be damaged while it was in use is marked, so that
 * store_open() refuses it from then on. */
gboolean store_set_aside (const char *directory, char **where, GError **error);
void store_mark_damaged (const char *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Store, store_close)

gboolean store_begin (Store *store, GError **error);
gboolean store_commit (Store *store, GError **error);
void store_rollback (Store *store);

/* Keeps the write-ahead log at about so many bytes, within reason. */
void store_limit_log (Store *store, gint64 bytes);

/* Moves the write-ahead log into the database, so that the log's room on the
 * disk, which it keeps, is written to from its start again.  FALSE if that
 * needs room, too, or somebody reads: it waits for nobody. */
gboolean store_reclaim_log (Store *store);

/* The same, and gives the log's room back to the disk. */
void store_shrink_log (Store *store);

/* Bytes that the database and its log take on disk; that what is in it takes, without the
 * log, which keeps its room when nothing is owed any more. */
gint64 store_size (Store *store);
gint64 store_used (Store *store);

/* ------------------------------------------------------------------- BMCs */

/* How far we know a BMC. */
typedef enum
{
  STORE_CONTACT_NONE = 0, /* never met */
  STORE_CONTACT_TAIL = 1, /* the tail of first contact is known, what stands before it is not yet registered */
  STORE_CONTACT_DONE = 2,
  STORE_CONTACT_DOUBT = 3, /* never stored, see ledger_cursor(): it may be another board's SEL */
} StoreContact;

/* What the world was told about a BMC and is not over yet (StoreBmc.alarms). */
typedef enum
{
  STORE_ALARM_AWAY = 1 << 0,
  STORE_ALARM_SEL_FULL = 1 << 1,
  STORE_ALARM_SEL_OVERFLOW = 1 << 2,
  STORE_ALARM_CLOCK = 1 << 3,
  STORE_ALARM_DOWN = 1 << 4, /* it has been away for very long */
} StoreAlarm;

typedef struct
{
  gint64 id; /* also the BMC's number in frames and lanes */
  gint64 epoch;
  StoreContact contact;
  gboolean has_cursor; /* else: nothing is believed to stand */
  guint8 cursor[STORE_RECORD_SIZE];
  gint64 ordinal;     /* of the newest record */
  gint64 newest_time; /* the newest time stamp of a record, in the BMC's seconds; 0: none */
  gboolean overflow;  /* its SEL says that it has dropped records, and that was reported */
  gboolean has_guid;
  guint8 guid[STORE_GUID_SIZE]; /* of the board that was last seen */
  guint alarms;                 /* StoreAlarm */
  gint64 suspected; /* `ordinal` when somebody else seemed to have cleared the SEL, until a walk has shown it all;
                       -1: nobody did */
  gint64 replaced;  /* records from before that whose ids have come back with others since */
  gint64 silence;   /* somebody asked for silence until then: wall clock, microseconds; 0: nobody */
} StoreBmc;

/* Finds or creates. */
gboolean store_bmc_load (Store *store, const char *name, StoreBmc *bmc, GError **error);
/* One that is there. */
gboolean store_bmc_get (Store *store, gint64 id, StoreBmc *bmc, GError **error);
/* With all that is known of it.  `*renamed` FALSE: there is no `was`, or there
 * is a `name` already. */
gboolean store_bmc_rename (Store *store, const char *was, const char *name, gboolean *renamed, GError **error);
gboolean store_bmc_save (Store *store, const StoreBmc *bmc, GError **error);

/* ---------------------------------------------------------------- records */

typedef enum
{
  STORE_RECORD_STANDING = 0,
  STORE_RECORD_GONE = 1,     /* deleted by us, or found gone: its id is used */
  STORE_RECORD_DELETING = 2, /* it is handled, we asked for its deletion and do not know the outcome */
  STORE_RECORD_CLEARING = 3, /* handled or not, it goes if the SEL was cleared as somebody wanted; we do not know */
} StoreRecordState;

typedef struct
{
  gint64 bmc;
  gint64 record_id;
  gint64 epoch;
  StoreRecordState state;
  gint64 ordinal; /* SEL order */
  guint8 raw[STORE_RECORD_SIZE];
} StoreRecord;

/* `*found` FALSE: no such id in this BMC's SEL, as far as we know. */
gboolean store_record_find (Store *store, gint64 bmc, gint64 record_id, StoreRecord *record, gboolean *found,
                            GError **error);
gboolean store_record_put (Store *store, const StoreRecord *record, GError **error);
gboolean store_record_set_state (Store *store, gint64 bmc, gint64 record_id, StoreRecordState state, GError **error);
/* The last record before this ordinal that is standing, perhaps (CLEARING) not any more. */
gboolean store_record_predecessor (Store *store, gint64 bmc, gint64 ordinal, StoreRecord *record, gboolean *found,
                                   GError **error);
/* Whether one is CLEARING. */
gboolean store_record_is_clearing (Store *store, gint64 bmc, gboolean *clearing, GError **error);
/* This record, if these are its bytes, does not count as handled as long as it stands. */
gboolean store_record_give_up (Store *store, gint64 bmc, gint64 record_id, const guint8 *raw, GError **error);

/* What of this BMC no required handler has answered DONE for. */
typedef struct
{
  gint64 pending;  /* deliveries */
  gint64 dead;     /* dead letters */
  gint64 given_up; /* records of store_record_give_up() */
} StoreOpen;
gboolean store_open_count (Store *store, gint64 bmc, StoreOpen *open, GError **error);

/* The ids (guint16) believed to stand (or being deleted), in SEL order. */
GArray *store_record_list (Store *store, gint64 bmc, GError **error);
/* Another board: none of its records is known. */
gboolean store_record_forget_all (Store *store, gint64 bmc, GError **error);
/* Forgets used ids of epochs before this one. */
gboolean store_record_forget_gone (Store *store, gint64 bmc, gint64 before_epoch, GError **error);

/* ----------------------------------------------------- events, deliveries */

/* Finds or creates one that is owed nothing yet. */
gboolean store_handler_load (Store *store, const char *name, gint64 *id, GError **error);

/* When the handler was owed everything: nanoseconds since 1970. */
typedef struct
{
  gint64 before; /* until then; 0: it was not there */
  gint64 since;  /* and from then on; 0: always */
  /* What lies between and was backfilled: events up to this seq (0: none) that were
   * received at this time or later.  A seq that is used again is not meant: its
   * event is received after `since`. */
  gint64 filled;
  gint64 filled_since;
} StoreSpan;
gboolean store_handler_span (Store *store, gint64 handler, StoreSpan *span, GError **error);
gboolean store_handler_set_filled (Store *store, gint64 handler, gint64 filled, gint64 filled_since, GError **error);
/* What lies between is had, from this time on: `since` is that now. */
gboolean store_handler_extend_span (Store *store, gint64 handler, gint64 since, GError **error);
/* The ids of what lies between and was owed to it: each event is once. */
gboolean store_backfilled_find (Store *store, gint64 handler, const char *id, gboolean *found, GError **error);
gboolean store_backfilled_insert (Store *store, gint64 handler, const char *id, GError **error);
/* Forgets up to `limit` of them; `*forgotten`: how many there were. */
gboolean store_backfilled_forget (Store *store, gint64 handler, guint limit, gint64 *forgotten, GError **error);
/* It is owed everything from now on, if it was not; nothing any more. */
gboolean store_handler_come_back (Store *store, gint64 handler, GError **error);
gboolean store_handler_leave (Store *store, gint64 handler, GError **error);

/* The next sequence number; strictly growing while anything refers to an event. */
gint64 store_next_seq (Store *store);

/* What a commit knows of one event. */
typedef struct
{
  gint64 required; /* how many required handlers match it */
  gint64 open;     /* how many of those have not answered DONE */
  gint64 owed;     /* deliveries and dead letters that refer to it */
} StoreDues;

gboolean store_event_insert (Store *store, gint64 seq, gint64 bmc, const IpmidEvent *event, const StoreDues *dues,
                             GError **error);
gboolean store_event_dues (Store *store, gint64 seq, StoreDues *dues, GError **error);
/* One of those that it is owed to has it (`counts`: and is required): the same as
 * with the two others, but in one go. */
gboolean store_event_release (Store *store, gint64 seq, gboolean counts, GError **error);
/* Sets `open` and `owed`; removes the event if nobody refers to it any more. */
gboolean store_event_set_dues (Store *store, gint64 seq, const StoreDues *dues, GError **error);

typedef struct
{
  gint64 seq;
  gint64 bmc;
  IpmidEvent *event;
} StoreEvent;

/* Up to `limit` events after `after` and before `end` (seq), the oldest first;
 * StoreEvent, which the array owns. */
GArray *store_event_page (Store *store, gint64 after, gint64 end, guint limit, GError **error);

/* One that is there. */
IpmidEvent *store_event_get (Store *store, gint64 seq, GError **error);

/* `counts`: it is one of the event's `open` ones. */
gboolean store_delivery_insert (Store *store, gint64 handler, gint64 bmc, gint64 seq, gboolean counts, GError **error);
/* Counts an attempt as part of a batch of so many events; batch 0 takes it back
 * (`attempts` -1) or leaves it (0): the delivery is not in flight any more. */
gboolean store_delivery_attempt (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 attempts, gint64 batch,
                                 GError **error);
/* The same (`attempts` 1) for all of a lane from the first to the last of `seqs`, in
 * one go; `*done` FALSE: there are others between, and nothing was done. */
gboolean store_delivery_attempt_run (Store *store, gint64 handler, gint64 bmc, const gint64 *seqs, guint n,
                                     gint64 batch, gboolean *done, GError **error);
/* Counts a crash in this attempt, in which it was alone; `*crashes` says how many
 * there were so far.  `*found` FALSE: it was not so, or that is counted already. */
gboolean store_delivery_crash (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 attempt, gint64 *crashes,
                               gboolean *found, GError **error);
/* `*found` FALSE: there was no such delivery (answered before). */
gboolean store_delivery_remove (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 *attempts,
                                gboolean *counts, gboolean *found, GError **error);

typedef struct
{
  gint64 seq;
  gint64 attempts;
  gint64 inflight; /* the size of the batch that it was in when ipmid died; 0: none */
  gint64 crashes;  /* how often the handler made ipmid crash with nothing else in that call */
  IpmidEvent *event;
} StoreDelivery;

/* Up to `limit` deliveries of a lane after `seq`, oldest first, into `out`
 * (StoreDelivery, whose events the caller owns). */
gboolean store_delivery_fetch (Store *store, gint64 handler, gint64 bmc, gint64 after, guint limit, GArray *out,
                               GError **error);
/* The BMCs (gint64) to which a handler owes something. */
GArray *store_delivery_lanes (Store *store, gint64 handler, GError **error);
/* When ipmid received the oldest event that it is owed: nanoseconds since 1970; 0:
 * it is owed none. */
gboolean store_delivery_oldest (Store *store, gint64 handler, gint64 *received, GError **error);
gboolean store_delivery_count (Store *store, gint64 handler, gint64 *count, GError **error);
/* Moves everything owed by handlers that are not in `handlers` (gint64) to the
 * dead letters. */
gboolean store_bury_orphans (Store *store, GArray *handlers, gint64 *moved, GError **error);
/* Of this one; adds to `*moved`. */
gboolean store_bury_handler (Store *store, gint64 handler, gint64 *moved, GError **error);

/* -------------------------------------------- notifications (core/quiet.h) */

#define STORE_NOTICE_STATES 16

/* One state of one sensor, as a handler knows it.  The default (FALSE, FALSE)
 * has no row. */
typedef struct
{
  gboolean told;
  gboolean waits; /* an event is kept with it */
} StoreNotice;

/* `notices` are the STORE_NOTICE_STATES states of the sensor. */
gboolean store_notice_load (Store *store, gint64 handler, gint64 bmc, gint64 sensor, StoreNotice *notices,
                            GError **error);
/* `event` (NULL: none) is kept, to be looked at when it is `due` (wall clock,
 * microseconds).  Of one handler and BMC a limited number is remembered: the
 * oldest goes. */
gboolean store_notice_save (Store *store, gint64 handler, gint64 bmc, gint64 sensor, guint state, gboolean told,
                            gint64 due, const IpmidEvent *event, GError **error);

typedef struct
{
  gint64 handler;
  gint64 bmc;
  gint64 sensor;
  guint state;
  gint64 due;
  IpmidEvent *event; /* owned by whoever has the list */
} StoreKept;

/* What is due, the earliest first, up to `limit` (StoreKept). */
GArray *store_notice_due (Store *store, gint64 now, guint limit, GError **error);
gboolean store_notice_postpone (Store *store, const StoreKept *kept, gint64 due, GError **error);
/* Everything kept for this handler (0: any) and of this BMC (0: any) is due now,
 * with a `due` of 0, whatever it waited for. */
gboolean store_notice_hasten (Store *store, gint64 handler, gint64 bmc, GError **error);

/* `*since` 0: never. */
gboolean store_quiet_load (Store *store, gint64 handler, gint64 bmc, gint64 key, gint64 *since, GError **error);
gboolean store_quiet_save (Store *store, gint64 handler, gint64 bmc, gint64 key, gint64 since, GError **error);
/* Forgets the quiet times that did not begin between the two. */
gboolean store_quiet_prune (Store *store, gint64 handler, gint64 after, gint64 before, GError **error);
/* Forgets what the handler was told; what waits stays. */
gboolean store_notice_forget_told (Store *store, gint64 handler, GError **error);

/* ------------------------------------------------- ipmid itself (core/alarms.h) */

/* What is wrong with a handler, or with the journal (handler 0). */
typedef enum
{
  STORE_OWN_FAILING = 1,   /* it has failed for long */
  STORE_OWN_SHEDDING = 2,  /* it has reached its quota */
  STORE_OWN_DEAD = 3,      /* it has dead letters */
  STORE_OWN_FILLING = 4,   /* the journal is nearly full */
  STORE_OWN_FULL = 5,      /* nothing is taken in */
  STORE_OWN_HEARTBEAT = 6, /* no alarm: its last sign of life; the level is the event's number */
} StoreOwn;

typedef struct
{
  gint64 handler;
  StoreOwn what;
  gint64 level; /* 0: all is well, and there is no row */
  gint64 since; /* wall clock, microseconds: when that level was reached */
} StoreOwnAlarm;

/* `*level` and `*since` are 0 if there is none. */
gboolean store_own_load (Store *store, gint64 handler, StoreOwn what, StoreOwnAlarm *alarm, GError **error);
gboolean store_own_save (Store *store, const StoreOwnAlarm *alarm, GError **error);
/* Of handlers (StoreOwnAlarm), with none of the journal's. */
GArray *store_own_list (Store *store, GError **error);
gboolean store_handler_name (Store *store, gint64 handler, char **name, GError **error);
/* Whether this is owed to the handler, and neither answered nor a dead letter yet. */
gboolean store_delivery_stands (Store *store, gint64 handler, gint64 bmc, gint64 seq, gboolean *stands, GError **error);

/* ------------------------------------------------------------ dead letters */

typedef struct
{
  gint64 handler;
  char *handler_name;
  gint64 bmc;
  gint64 seq;
  gint64 time; /* when it became one: wall clock, microseconds */
  gint64 attempts;
  char *reason;
  IpmidEvent *event;
} StoreDead;

/* `counts`: the delivery was one of the event's `open` ones, and still is. */
gboolean store_dead_insert (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 attempts, gboolean counts,
                            const char *reason, GError **error);
gboolean store_dead_count (Store *store, gint64 handler, gint64 *count, GError **error);

/* Up to `limit` dead letters after (handler, seq), in that order, of handlers up to
 * this one.  StoreDead, which the list owns. */
GArray *store_dead_page (Store *store, gint64 last_handler, gint64 after_handler, gint64 after_seq, guint limit,
                         GError **error);
/* Those of this handler with this event id, the oldest first. */
GArray *store_dead_find (Store *store, gint64 handler, const char *id, GError **error);

typedef void (*StoreDeadFunc) (const StoreDead *dead, gpointer user_data);
gboolean store_dead_foreach (Store *store, StoreDeadFunc function, gpointer user_data, GError **error);

/* Handlers besides these (gint64) that have dead letters. */
typedef void (*StoreDeadCountFunc) (const char *handler, gint64 count, gpointer user_data);
gboolean store_dead_of_others (Store *store, GArray *handlers, StoreDeadCountFunc function, gpointer user_data,
                               GError **error);

/* Unlike store_handler_load(), which creates. */
gboolean store_handler_find (Store *store, const char *name, gint64 *id, gboolean *found, GError **error);

/* Dead letters of one handler: those with after < seq <= last. */
typedef struct
{
  gint64 handler;
  gint64 after;
  gint64 last;
} StoreDeadRange;

/* The newest one of this handler; 0: it has none. */
gboolean store_dead_last (Store *store, gint64 handler, gint64 *seq, GError **error);
/* Moves `last` forward, so that there are no more than `limit` (at least 1). */
gboolean store_dead_cut (Store *store, StoreDeadRange *range, guint limit, GError **error);
/* The first one of each BMC among them (StoreEvent, without `event`). */
GArray *store_dead_lanes (Store *store, const StoreDeadRange *range, GError **error);
/* Which of them count for deletion (StoreEvent, without `event`). */
GArray *store_dead_counting (Store *store, const StoreDeadRange *range, GError **error);
/* They become deliveries that were never tried. */
gboolean store_dead_replay (Store *store, const StoreDeadRange *range, gint64 *moved, GError **error);
/* They are forgotten, and so are events to which nobody else refers. */
gboolean store_dead_drop (Store *store, const StoreDeadRange *range, gint64 *dropped, GError **error);

#endif
