/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sel-reader-private.h - what the files of the SEL reader share.
 *
 *   sel-reader.c  what to do next; info, tail, start
 *   sel-chain.c   following the chain of records: polls and walks
 *   sel-slots.c   the requests for records that are under way
 *   sel-delete.c  one delete at a time
 */
#ifndef SEL_READER_PRIVATE_H
#define SEL_READER_PRIVATE_H

#include "sel-reader.h"

#define SEL_FIRST 0x0000u
#define SEL_LAST 0xffffu
#define SEL_WINDOW_MAX 4u
/* A full walk now and then, whatever the cursor says. */
#define SEL_WALK_INTERVAL G_TIME_SPAN_HOUR
/* How soon after new records the free space is looked at. */
#define SEL_INFO_AFTER_RECORDS G_TIME_SPAN_SECOND

/* Completion codes (5.2, 31). */
enum
{
  CC_OK = 0x00,
  CC_SEL_UNSUPPORTED_FOR_TYPE = 0x80,
  CC_SEL_ERASE_IN_PROGRESS = 0x81,
  CC_NODE_BUSY = 0xc0,
  CC_INVALID_COMMAND = 0xc1,
  CC_INVALID_FOR_LUN = 0xc2,
  CC_TIMEOUT = 0xc3,
  CC_RESERVATION_LOST = 0xc5,
  CC_OUT_OF_RANGE = 0xc9,
  CC_NOT_PRESENT = 0xcb,
  CC_INVALID_FIELD = 0xcc,
  CC_NO_PRIVILEGE = 0xd4,
  CC_NOT_NOW = 0xd5,
  CC_DISABLED = 0xd6,
  CC_UNSPECIFIED = 0xff,
};

/* A Get SEL Entry under way or answered but not yet in turn. */
typedef struct
{
  gboolean used;
  gboolean answered;
  guint16 id;
  guint ticket;
  guint8 code;
  guint16 next;
  guint8 record[FRAME_RECORD_SIZE];
} SelSlot;

/* Following the chain of records. */
typedef struct
{
  gboolean active;
  guint walk;         /* 0: a poll */
  gboolean checking;  /* the next reply is the cursor's own record */
  gboolean holding;   /* first contact: nothing goes out before the tail is met */
  gboolean silent;    /* looking for the tail only */
  gboolean announced; /* the first chunk of the walk is out */
  gboolean ending;    /* read to the end, some still to be handed over */
  gboolean complete;
  gboolean in_step; /* ids follow each other: worth asking ahead */
  guint16 next;     /* the record to read now */
  guint read;       /* how many were read */
  guint8 *visited;  /* 65536 bits, from the second record on */
  gboolean has_last;
  guint8 last[FRAME_RECORD_SIZE]; /* the last one read */
  GArray *out;                    /* SelRecord: read, not handed over */
  guint handed_over;              /* of out */
  SelSlot slots[SEL_WINDOW_MAX];
} SelChain;

typedef struct
{
  guint64 token;
  guint8 record[FRAME_RECORD_SIZE];
  gboolean has_predecessor;
  guint8 predecessor[FRAME_RECORD_SIZE];
  FrameDeleteFlags flags;
} SelDelete;

typedef enum
{
  SEL_STAGE_NONE,
  SEL_STAGE_RESERVE,
  SEL_STAGE_COMPARE,
  SEL_STAGE_DELETE,
  SEL_STAGE_CLEAR,
  SEL_STAGE_ERASING,
  SEL_STAGE_PAUSE,
} SelStage;

typedef enum
{
  SEL_QUERY_NONE,
  SEL_QUERY_INFO,
  SEL_QUERY_TAIL,
} SelQuery;

typedef enum
{
  SEL_CURSOR_UNKNOWN, /* no START yet */
  SEL_CURSOR_RECORD,
  SEL_CURSOR_EMPTY,
  SEL_CURSOR_LOST, /* its record is gone by our own doing: walk, suspect nobody */
} SelCursorState;

struct _SelReader
{
  Timers *timers;
  Timer *tick;  /* the next poll */
  Timer *pause; /* within a delete */
  gint64 interval;
  const SelReaderFuncs *funcs;
  gpointer user_data;
  guint window;
  guint last_ticket;
  guint last_walk;
  gboolean connected;
  gboolean scheduling;

  /* what is wanted */
  gboolean want_connect_info;
  gboolean want_info;
  gboolean report_info; /* a SUSPECT was sent: SEL_INFO follows */
  gboolean want_tail;
  gboolean want_walk;
  gboolean want_poll;
  GQueue deletes; /* SelDelete */

  /* what is going on */
  SelQuery query;
  guint query_ticket;
  SelChain chain;
  SelDelete *deleting;
  SelStage stage;
  guint delete_ticket;
  guint delete_tries;
  guint16 reservation;
  guint16 delete_next; /* what follows the record being deleted; SEL_FIRST: not known */
  gint64 delete_deadline;

  /* what is known */
  SelCursorState cursor_state;
  guint8 cursor[FRAME_RECORD_SIZE];
  gboolean has_loop;
  guint16 loop; /* where the chain bites its own tail */
  gint64 confirmed;
  guint failures; /* odd answers in a row */
  gboolean first_contact;
  gboolean checking_tail; /* want_tail: is `tail` still there? */
  gboolean has_tail;
  guint8 tail[FRAME_RECORD_SIZE];
  gboolean has_info;
  SelInfo info_now;
  gboolean own_erase;      /* we deleted since the last info */
  gboolean cannot_delete;  /* learnt the hard way */
  gboolean cannot_reserve; /* likewise */
  GHashTable *own_deleted; /* id -> hash of the record */
  gint64 next_info;
  gint64 next_walk;
};

static inline guint16
sel_record_id (const guint8 *record)
{
  return (guint16) (record[0] | record[1] << 8);
}

/* Goes on with whatever is to be done. */
void sel_reader_schedule (SelReader *reader);
guint sel_reader_send (SelReader *reader, guint8 command, const guint8 *data, gsize length);
guint sel_reader_send_get_entry (SelReader *reader, guint16 id);
void sel_reader_set_cursor (SelReader *reader, const guint8 *record); /* NULL: empty */

/* sel-chain.c */
void sel_chain_init (SelReader *reader);
void sel_chain_clear (SelReader *reader);
void sel_chain_begin_poll (SelReader *reader);
void sel_chain_begin_walk (SelReader *reader, gboolean silent);
void sel_chain_abort (SelReader *reader);
/* Goes on; TRUE if it waits for a reply. */
gboolean sel_chain_pump (SelReader *reader);
/* A record was deleted while the chain stood still. */
void sel_chain_skip (SelReader *reader, guint16 id, guint16 next);
/* How many records are read and not handed over. */
guint sel_chain_waiting (const SelChain *chain);

/* sel-slots.c */
/* NULL: this record has not been asked for. */
SelSlot *sel_slots_find (SelChain *chain, guint16 id);
/* Asked for, but the chain went elsewhere: the answers will not be known. */
void sel_slots_drop_strays (SelReader *reader);
/* Asks for the record that the chain is at, and as many behind it as are worth it. */
void sel_slots_request_more (SelReader *reader);
/* FALSE: the ticket is none of a slot's. */
gboolean sel_slots_reply (SelReader *reader, guint ticket, const guint8 *reply, gsize length);

/* sel-delete.c */
void sel_delete_begin (SelReader *reader);
gboolean sel_delete_reply (SelReader *reader, guint ticket, const guint8 *reply, gsize length);
void sel_delete_abort_all (SelReader *reader);
gboolean sel_delete_was_ours (const SelReader *reader, const guint8 *record);
void sel_delete_on_pause (Timer *timer, gpointer user_data);

#endif
