/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request-private.h - the methods of requests, and what their files share.
 *
 * A method is called on the core's thread, with arguments that its row in the
 * table allows, while the core is not ending; it takes a reference if it does not
 * answer at once.  The journal's thread may answer, too.
 */
#ifndef REQUEST_PRIVATE_H
#define REQUEST_PRIVATE_H

#include "core/core-private.h"
#include "core/request-table.h"

typedef void (*RequestMethodFunc) (Core *core, Request *request);

typedef enum
{
  REQUEST_TEXT,     /* s */
  REQUEST_FLAG,     /* b */
  REQUEST_INTEGER,  /* x */
  REQUEST_TIME,     /* x, nanoseconds since 1970; or s, as silence.h reads it */
  REQUEST_DURATION, /* d or x, seconds; or s, "2h" */
} RequestType;

typedef struct
{
  const char *name; /* NULL: the end */
  RequestType type;
  gboolean required;
} RequestArgument;

#define REQUEST_ARGUMENTS_MAX 4

typedef struct
{
  const char *name; /* NULL: the end */
  RequestMethodFunc run;
  RequestArgument arguments[REQUEST_ARGUMENTS_MAX + 1];
} RequestMethod;

extern const RequestMethod request_methods[];

/* The method, if there is one of that name and the arguments fit; else NULL, and the
 * error says which (IPMID_REQUEST_ERROR). */
const RequestMethod *request_check (const char *method, GVariant *arguments, GError **error);

/* Answers that several have: the journal has failed or is closing; there is no BMC
 * of that name. */
void request_fail_journal (Request *request);
void request_fail_bmc (Request *request, const char *name);

/* ----------------------------------------------------------- request-journal.c */

/* A method that is work for the journal: `run` fills the reply or refuses, on the
 * journal's thread inside a transaction, perhaps more than once.  Its result is as
 * JournalWork's: FALSE only if the journal has failed.
 *
 * Work on very many rows does a part of them, says how far it is in `next`, and
 * `goes_on`: once that is on disk it runs again, behind what waits for the journal
 * meanwhile, and the request is answered after the last part.  Whatever ends ipmid
 * in between leaves whole parts. */
typedef struct _RequestWork RequestWork;
typedef gboolean (*RequestWorkFunc) (Ledger *ledger, RequestWork *work, GError **error);

typedef struct
{
  gint64 after; /* this seq and all before it are done */
  gint64 last;  /* up to which one to go; decided by the first part */
  gint64 count; /* of what was done */
} RequestProgress;

struct _RequestWork
{
  Journal *journal;
  JournalClass class;
  Request *request;
  RequestWorkFunc run;
  RequestProgress done; /* on disk; zeros at first */
  RequestProgress next; /* as `done` when `run` is called */
  gboolean goes_on;     /* FALSE when `run` is called */
  GVariantDict reply;
  IpmidRequestError code;
  char *refusal; /* NULL: it is not refused */
};

/* The request is answered when all of that is on disk. */
void request_submit (Core *core, Request *request, JournalClass class, RequestWorkFunc run);

/* TRUE, for the work to return; this part must not have changed anything. */
gboolean request_refuse (RequestWork *work, IpmidRequestError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* -------------------------------------------------------------- request-dead.c */

void request_dead_list (Core *core, Request *request);
void request_dead_show (Core *core, Request *request);
void request_dead_replay (Core *core, Request *request);
void request_dead_drop (Core *core, Request *request);

/* ------------------------------------------------------------ request-config.c */

void request_reload (Core *core, Request *request);
void request_check_config (Core *core, Request *request);

/* --------------------------------------------------------------- request-bmc.c */

void request_rescan (Core *core, Request *request);
void request_clear_sel (Core *core, Request *request);
void request_power (Core *core, Request *request);

/* ---------------------------------------------------------- request-backfill.c */

void request_backfill (Core *core, Request *request);

/* -------------------------------------------------------------- request-word.c */

void request_log (Core *core, Request *request);
void request_silence (Core *core, Request *request);

/* ------------------------------------------------------------ request-status.c */

void request_status (Core *core, Request *request);
void request_bmcs (Core *core, Request *request);

#endif
