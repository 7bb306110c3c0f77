/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory-private.h - what inventory.c (BMCs, sensors, frames) and readings.c
 * (the handlers' side) share.
 *
 * A reading stands in one place, its slot, however many handlers want it.  The
 * slot has a bit for each of them: wanted, and not taken yet.  So a new reading
 * costs the same for one handler and for thirty, replaces what nobody took, and
 * needs no memory of its own.
 */
#ifndef INVENTORY_PRIVATE_H
#define INVENTORY_PRIVATE_H

#include "core/inventory.h"
#include "core/readings.h"

#define INVENTORY_READERS 32

typedef struct
{
  SensorReading reading;
  guint32 wanted;  /* bit n: reader n wants this sensor */
  guint32 pending; /* bit n: reader n has not taken this reading yet */
} Slot;

typedef struct
{
  gint64 id;
  char *name;    /* words.h */
  char *host;    /* words.h; NULL: not said */
  char **labels; /* NULL: none */
  IpmidBmcState state;
  char *state_words; /* words.h */
  gint64 since;
  SensorSet *set;      /* finished; never NULL */
  Slot *slots;         /* one for each sensor of the set */
  guint32 queued;      /* bit n: stands in the queue of reader n */
  SensorSet *building; /* while the frames of an inventory come in, else NULL */
  guint beyond;        /* sensors left out of `building` */
  guint64 dropped;     /* readings of unknown sensors, or with impossible times */
} InventoryBmc;

struct _Inventory
{
  /* The core's thread. */
  SensorWords *words;
  SeverityRules *severities; /* NULL: none */

  GMutex lock;      /* everything below, and the slots */
  GHashTable *bmcs; /* gint64 → InventoryBmc */
  Readings *readers[INVENTORY_READERS];
};

/* A BMC's slots want what the readers want; the lock is held. */
void readings_choose (const Readings *readings, InventoryBmc *bmc);

/* The BMC has something for these readers (a set of bits); the lock is held.
 * Returns those whose queue was empty. */
guint32 readings_queue (Inventory *inventory, InventoryBmc *bmc, guint32 readers);

/* A reading was replaced before these readers took it; the lock is held. */
void readings_note_dropped (Inventory *inventory, guint32 readers);

/* The BMC goes away; the lock is held. */
void readings_forget (Readings *readings, const InventoryBmc *bmc);

/* Tells those readers that there is something to take.  Without the lock, on
 * the core's thread. */
void readings_wake (Inventory *inventory, guint32 readers);

#endif
