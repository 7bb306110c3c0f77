/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sel-reader.h - reads one BMC's SEL by a cursor, and deletes from it.
 *
 * One operation at a time: a poll, a walk, a delete, an info.  An idle poll is
 * one Get SEL Entry of the cursor's record.  OpenIPMI is not needed here: the
 * owner sends the requests and hands back the replies, so a test can play the
 * BMC.  One thread; none of the callbacks may free the reader.
 */
#ifndef SEL_READER_H
#define SEL_READER_H

#include "event/frame.h"
#include "timers.h"

/* Commands of the storage network function (IPMI 2.0, section 31). */
#define SEL_GET_INFO 0x40
#define SEL_RESERVE 0x42
#define SEL_GET_ENTRY 0x43
#define SEL_DELETE_ENTRY 0x46
#define SEL_CLEAR 0x47

/* Records in one RECORDS frame at most. */
#define SEL_READER_BATCH 32u

typedef struct _SelReader SelReader;

typedef struct
{
  guint8 bytes[FRAME_RECORD_SIZE];
  gboolean existing; /* stood in the SEL at first contact */
} SelRecord;

typedef struct
{
  guint8 flags; /* FrameSelFlags without CONNECTED */
  guint entries;
  guint free_bytes;
  guint32 last_add;
  guint32 last_erase;
} SelInfo;

typedef struct
{
  /* Sends a request to the BMC; its reply, with the completion code, goes to
   * sel_reader_reply() with the same ticket.  FALSE: cannot be sent now. */
  gboolean (*send) (gpointer user_data, guint8 command, const guint8 *data, gsize length, guint ticket);
  /* How many records may be handed over now. */
  guint (*credit) (gpointer user_data);
  /* What the reader found out; each is one frame (frame.h).  `records` never
   * gets more than BATCH or than there is credit for. */
  void (*records) (gpointer user_data, guint walk, gboolean first, const SelRecord *records, guint n_records);
  void (*walk_end) (gpointer user_data, guint walk, gboolean complete);
  void (*info) (gpointer user_data, const SelInfo *info, gboolean connected);
  void (*tail) (gpointer user_data, const guint8 *record); /* NULL: the SEL is empty */
  void (*suspect) (gpointer user_data, FrameSuspicion suspicion, gint64 last_confirmed, const char *words);
  void (*deleted) (gpointer user_data, guint64 token, FrameDeleteOutcome outcome, const char *words);
} SelReaderFuncs;

SelReader *sel_reader_new (Timers *timers, gint64 interval, const SelReaderFuncs *funcs, gpointer user_data);
void sel_reader_free (SelReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SelReader, sel_reader_free)

/* The session is up: asks for SEL Info and waits for START. */
void sel_reader_connected (SelReader *reader);
/* It is gone: every delete is answered, what was read but not handed over is
 * forgotten, and replies still to come are ignored. */
void sel_reader_disconnected (SelReader *reader);

void sel_reader_reply (SelReader *reader, guint ticket, const guint8 *reply, gsize length);

/* `record` is 16 bytes or NULL. */
void sel_reader_start (SelReader *reader, FrameCursor cursor, const guint8 *record, gboolean walk);
void sel_reader_poll (SelReader *reader);
void sel_reader_walk (SelReader *reader);
/* `predecessor` may be NULL.  Answered exactly once, perhaps at once. */
void sel_reader_delete (SelReader *reader, guint64 token, const guint8 *record, const guint8 *predecessor,
                        FrameDeleteFlags flags);

/* There is credit again. */
void sel_reader_wake (SelReader *reader);

/* How many Get SEL Entry may be under way at once (1 to 4). */
void sel_reader_set_window (SelReader *reader, guint window);

#endif
