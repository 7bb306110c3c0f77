/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bmc.h - one BMC: its session, its SEL, and what the core wants of it.
 *
 * The connection is a state machine with a watchdog of its own, because a
 * domain of OpenIPMI can stick.  After any loss the domain is closed and a new
 * one opened, with back-off.  One thread.
 */
#ifndef BMC_H
#define BMC_H

#include "connect.h"
#include "decode.h"
#include "event/channel.h"
#include "handshakes.h"
#include "sandbox.h"
#include "timers.h"

/* For handshakes_new(), whose user data is the BmcHost, and the timer that drives
 * them. */
extern const HandshakesFuncs bmc_open_places;
void bmc_open_on_places_timer (Timer *timer, gpointer user_data);

/* What all BMCs of this process share; belongs to main.c. */
typedef struct
{
  os_handler_t *os_handler;
  Timers *timers;
  Decoder *decoder;
  Channel *channel;
  Inbox *inbox;
  Handshakes *handshakes;
  Timer *handshakes_timer;
  guint rising;         /* BMCs that have a session, and are not up yet */
  ServingNote *serving; /* may be NULL */
  guint credit;         /* records that the core takes now */
  gpointer answering;   /* a BmcDomain: whose answer OpenIPMI is looking at */
  SandboxDevices devices;
} BmcHost;

typedef struct _Bmc Bmc;

/* Lets OpenIPMI find and keep sensor data records with these BMCs (bmc-cache.c),
 * as soon as the handler is there. */
void bmc_cache_attach (BmcHost *host);

/* The BMC is gone: its session is closed, and after this it is freed. */
typedef void (*BmcClosedFunc) (Bmc *bmc, gpointer user_data);

/* Takes the settings over, and starts to connect. */
Bmc *bmc_new (BmcHost *host, guint32 number, ConnectSettings *settings, BmcClosedFunc on_closed, gpointer user_data);

/* Closes the session in order, says REMOVED, calls `on_closed`, frees itself.
 * Perhaps at once. */
void bmc_remove (Bmc *bmc);

guint32 bmc_number (const Bmc *bmc);

/* Frames from the core. */
void bmc_start (Bmc *bmc, FrameCursor cursor, const guint8 *record, gboolean walk);
void bmc_poll (Bmc *bmc);
void bmc_walk (Bmc *bmc);
void bmc_delete (Bmc *bmc, guint64 token, const guint8 *record, const guint8 *predecessor, FrameDeleteFlags flags);

void bmc_power (Bmc *bmc, guint64 token, FramePower power);

/* There is credit again. */
void bmc_wake (Bmc *bmc);

#endif
