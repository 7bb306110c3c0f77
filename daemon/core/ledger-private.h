/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-private.h - what the files behind ledger.h share.
 *
 *   ledger.c           life; what a commit or a rollback means
 *   ledger-bmc.c       the BMCs: who each is, what is wrong with it
 *   ledger-sel.c       what is new in a SEL, and what may be deleted from it
 *   ledger-clear.c     when a whole SEL may be cleared
 *   ledger-own.c       events that are ipmid's own
 *   ledger-handler.c   the handlers: who comes, who goes, how much each is owed
 *   ledger-owe.c       a new event: who is owed it
 *   ledger-quiet.c     what is held back
 *   ledger-settle.c    attempts and answers
 *   ledger-crash.c     events of which ipmid has crashed
 *   ledger-dead.c      dead letters: owed again, or dropped
 *   ledger-backfill.c  what is owed of the time before a handler was there
 */
#ifndef LEDGER_PRIVATE_H
#define LEDGER_PRIVATE_H

#include "core/ledger.h"
#include "core/log.h"

/* A walk over one SEL, seen from here. */
typedef struct
{
  guint number; /* 0: none is under way */
  guint8 seen[0x10000 / 8];
  guint known;    /* records that we knew */
  guint replaced; /* ids that came back with other bytes */
  gboolean has_last;
  guint8 last[STORE_RECORD_SIZE];
} LedgerWalk;

typedef struct
{
  char *name;
  StoreBmc saved; /* as in the store; reloaded after a rollback */
  gboolean loaded;
  LedgerWalk *walk;        /* NULL: none under way */
  LedgerWalk *walk_before; /* as it was when the transaction began, if `touched` */
  gboolean touched;        /* in ledger->touched */
  guint unproven_walk;     /* a walk whose beginning we did not see: it proves no absence */
  gint64 last_confirmed;   /* when the cursor was last seen to be the end of the SEL */
  gboolean answers;        /* a board with a GUID answers at present: */
  guint8 guid[STORE_GUID_SIZE];
  char **labels;        /* "KEY=VALUE"; NULL: none */
  gint64 silence_until; /* as configured: wall clock, microseconds; 0: no silence */
} LedgerBmc;

/* A handler, and how much it is owed. */
typedef struct
{
  char *name;
  LedgerHandler description; /* whose name is that */
  gint64 id;
  LedgerCounts counts;
  LedgerCounts change; /* within the transaction */
  StoreSpan span;      /* as it was when it was added */
  gboolean shedding;   /* said so already */
  gboolean removed;    /* is owed nothing new */
} LedgerOwed;

typedef struct
{
  LedgerOwed *handler;
  gint64 bmc;
  gint64 seq;
  IpmidEvent *event; /* NULL: LedgerHandler.reread, from `seq` on */
} LedgerOffer;

struct _Ledger
{
  gboolean distrust; /* what stands in an unknown SEL is new */
  Store *store;
  GHashTable *bmcs;        /* gint64 id → LedgerBmc */
  GPtrArray *handlers;     /* LedgerOwed */
  GArray *offers;          /* LedgerOffer: made real by the commit */
  GPtrArray *touched;      /* LedgerBmc whose walk may have changed in this transaction */
  gint64 (*clock) (void);  /* the wall clock, microseconds */
  gint64 clock_difference; /* the wall clock less the monotonic one, when it was last looked at; 0: never */
  gint64 pruned;           /* monotonic: when old quiet times were last forgotten */
};

/* NULL only with an error. */
LedgerBmc *ledger_find_bmc (Ledger *ledger, gint64 id, GError **error);

/* Before the walk of this BMC changes: a rollback restores it. */
void ledger_touch_walk (Ledger *ledger, LedgerBmc *bmc);

/* Whether the board that answers is not the one that was seen last, but perhaps
 * with the same SEL; and what is so once that is known. */
gboolean ledger_in_doubt (const LedgerBmc *bmc);
gboolean ledger_end_doubt (Ledger *ledger, LedgerBmc *bmc, gboolean same_sel, gboolean announce, GError **error);

/* NULL: no such handler (any more). */
LedgerOwed *ledger_find_handler (Ledger *ledger, gint64 id);

/* Also one that was removed, which may still answer.  There is one of this id. */
LedgerOwed *ledger_handler_get (Ledger *ledger, gint64 id);

void ledger_handler_add_counts (LedgerCounts *counts, const LedgerCounts *change);

/* Whether the filter wants the event. */
gboolean ledger_wants (Ledger *ledger, const LedgerOwed *handler, gint64 bmc, const IpmidEvent *event);
/* A new epoch: ids of records start afresh. */
gboolean ledger_advance_epoch (Ledger *ledger, LedgerBmc *bmc, GError **error);

/* The time stamp of a record in the BMC's seconds; 0 if it has none that is a date. */
gint64 ledger_record_time (const guint8 *record);

/* A required handler never gets this event, or will not be asked again: its record
 * does not count as handled. */
gboolean ledger_give_up_on (Ledger *ledger, gint64 bmc, const IpmidEvent *event, GError **error);

/* Owes this handler an event that is in the store; it is offered after the commit.
 * `counts`: deletion waits for its answer. */
gboolean ledger_owe_delivery (Ledger *ledger, LedgerOwed *handler, gint64 bmc, gint64 seq, IpmidEvent *event,
                              gboolean counts, GError **error);

/* Owes the event to every handler that matches it. */
gboolean ledger_owe (Ledger *ledger, gint64 bmc, IpmidEvent *event, GError **error);

/* Owes an event to this handler alone, such as one that was held back; deletion
 * does not depend on it.  `*seq` 0: its quota is used up. */
gboolean ledger_owe_late (Ledger *ledger, LedgerOwed *handler, gint64 bmc, IpmidEvent *event, gint64 *seq,
                          GError **error);

/* The event is owed to the handler.  If it was received before the handler was there, and is
 * only now on disk, a backfill must not owe it again. */
gboolean ledger_note_early (Ledger *ledger, const LedgerOwed *handler, const IpmidEvent *event, GError **error);

/* Whether one more may be kept for it. */
gboolean ledger_is_within_quota (const LedgerOwed *handler);

/* Makes an event one of ipmid's own about this BMC: its id and so on. */
gboolean ledger_sign (Ledger *ledger, gint64 bmc, IpmidEvent *event, GError **error);

/* Whether the handler gets the event now: filter, quiet time, silence. */
gboolean ledger_judge (Ledger *ledger, LedgerOwed *handler, gint64 bmc, const IpmidEvent *event, gboolean *gets,
                       GError **error);

/* The configured silence or the one that was asked for (StoreBmc.silence): the
 * longer.  0: neither; one that is too long to be one does not hide the other.  The
 * BMC is loaded. */
gint64 ledger_silence_end (const LedgerBmc *bmc, gint64 now);

/* Before anything runs: what was kept for a handler fits its present rule. */
gboolean ledger_adopt_quiet (Ledger *ledger, const LedgerOwed *handler, GError **error);

#endif
