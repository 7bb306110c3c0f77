/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cipher.h - the cipher suites of RMCP+, and which one to take (IPMI 2.0,
 * table 22-20).  Pure logic.
 */
#ifndef CIPHER_H
#define CIPHER_H

#include <glib.h>

/* Tables 13-17 to 13-19. */
#define CIPHER_AUTH_NONE 0x00
#define CIPHER_AUTH_HMAC_SHA1 0x01
#define CIPHER_AUTH_HMAC_SHA256 0x03
#define CIPHER_INTEGRITY_NONE 0x00
#define CIPHER_INTEGRITY_HMAC_SHA1_96 0x01
#define CIPHER_INTEGRITY_HMAC_SHA256_128 0x04
#define CIPHER_CONFIDENTIALITY_NONE 0x00
#define CIPHER_CONFIDENTIALITY_AES_CBC_128 0x01

typedef struct
{
  guint8 number;
  guint8 authentication, integrity, confidentiality;
} CipherSuite;

/* NULL: not one that the collector speaks. */
const CipherSuite *cipher_suite (guint number);

/* Whether it lacks authentication, integrity or encryption. */
gboolean cipher_is_weak (const CipherSuite *suite);

/* A set of suites, by number; those beyond 63 do not matter here. */
typedef guint64 CipherSet;

/* Get Channel Cipher Suites gives sixteen bytes of records at a time, by a list
 * index of six bits (22.15). */
#define CIPHER_INDEX_MAX 0x3fu
#define CIPHER_RECORDS_PER_REPLY 16u

/* What has come of them; zeros at first. */
typedef struct
{
  guint index; /* to be asked for next */
  guint8 bytes[(CIPHER_INDEX_MAX + 1) * CIPHER_RECORDS_PER_REPLY];
  gsize length;
} CipherRecords;

/* Takes a reply, with its completion code.  TRUE: there may be more. */
gboolean cipher_records_add (CipherRecords *records, const guint8 *reply, gsize length);

/* The suites in cipher suite records (22.15.1); what is malformed is left out. */
CipherSet cipher_parse_records (const guint8 *records, gsize length);

/* The best of these that is fit to be taken without being told to: 17, then 3;
 * NULL if there is none. */
const CipherSuite *cipher_best (CipherSet offered);

/* "3, 17"; "none" for the empty set. */
char *cipher_describe (CipherSet offered);

/* -------------------------------------------------------------- the choice */

/* Which suite to try next with one BMC, when the choice is ours. */
typedef struct
{
  gboolean asked;            /* what the BMC offers is known, or it does not say */
  CipherSet offered;         /* empty: it does not say */
  CipherSet refused;         /* tried, and not taken by the BMC */
  const CipherSuite *worked; /* the last one that led to a session */
} CipherChoice;

/* NULL: the BMC has nothing that may be taken.  What worked before is tried
 * first; a BMC that does not say what it has is tried with 17, then with 3. */
const CipherSuite *cipher_choice_next (const CipherChoice *choice);

/* Whether the BMC should be asked before the next try. */
gboolean cipher_choice_wants_offer (const CipherChoice *choice);

void cipher_choice_offer (CipherChoice *choice, CipherSet offered);

/* The BMC does not take this suite.  TRUE: another one is left to be tried at
 * once. */
gboolean cipher_choice_refused (CipherChoice *choice, const CipherSuite *suite);

void cipher_choice_worked (CipherChoice *choice, const CipherSuite *suite);

#endif
