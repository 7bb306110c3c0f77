/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * os-handler.h - what OpenIPMI wants from the operating system, over GLib.
 *
 * One thread runs the main context and with it all of OpenIPMI, so there are
 * no locks.  The handler lives as long as the process: OpenIPMI keeps pointers
 * to it in places that it never cleans up before ipmi_shutdown().
 */
#ifndef COLLECTOR_OS_HANDLER_H
#define COLLECTOR_OS_HANDLER_H

#include "inbox.h"
#include "packet-crypto.h"
#include "timers.h"

#include <OpenIPMI/os_handler.h>

/* One message of the library's, complete; `text` belongs to the caller. */
typedef void (*OsHandlerLogFunc) (enum ipmi_log_type_e type, const char *text);

/* Where the library keeps sensor data records between sessions (sdr.c, the only
 * one that asks).  `find` returns what g_free() frees, or NULL; `store` looks at
 * its data and no longer. */
typedef struct
{
  guint8 *(*find) (const char *key, gsize *length, gpointer user_data);
  void (*store) (const char *key, const guint8 *data, gsize length, gpointer user_data);
} OsHandlerDatabase;

/* Datagrams pass the inbox before the library reads them; `serving` (may be
 * NULL) says whose are being read.  All stay the caller's. */
os_handler_t *os_handler_new (GMainContext *context, Timers *timers, Inbox *inbox, ServingNote *serving,
                              OsHandlerLogFunc log);

void os_handler_set_database (os_handler_t *handler, const OsHandlerDatabase *database, gpointer user_data);

/* What encrypts and signs for all sessions; stays the handler's. */
PacketCrypto *os_handler_crypto (const os_handler_t *handler);

/* After ipmi_shutdown(). */
void os_handler_free (os_handler_t *handler);

#endif
