/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cipher.c - see cipher.h. */
#include "cipher.h"

#include <string.h>

/* Cipher suite records (table 22-18). */
#define RECORD_STANDARD 0xc0
#define RECORD_OEM 0xc1
#define RECORD_OEM_HEADER 5u /* start, number, three bytes of IANA */
/* Algorithms have the tag in their two highest bits, record starts have both. */
#define TAG_MASK 0xc0

#define CIPHERS_MAX 64u

/* Completion code, channel, then records. */
#define REPLY_HEADER 2u

static const CipherSuite suites[] = {
  { 0, CIPHER_AUTH_NONE, CIPHER_INTEGRITY_NONE, CIPHER_CONFIDENTIALITY_NONE },
  { 1, CIPHER_AUTH_HMAC_SHA1, CIPHER_INTEGRITY_NONE, CIPHER_CONFIDENTIALITY_NONE },
  { 2, CIPHER_AUTH_HMAC_SHA1, CIPHER_INTEGRITY_HMAC_SHA1_96, CIPHER_CONFIDENTIALITY_NONE },
  { 3, CIPHER_AUTH_HMAC_SHA1, CIPHER_INTEGRITY_HMAC_SHA1_96, CIPHER_CONFIDENTIALITY_AES_CBC_128 },
  { 15, CIPHER_AUTH_HMAC_SHA256, CIPHER_INTEGRITY_NONE, CIPHER_CONFIDENTIALITY_NONE },
  { 16, CIPHER_AUTH_HMAC_SHA256, CIPHER_INTEGRITY_HMAC_SHA256_128, CIPHER_CONFIDENTIALITY_NONE },
  { 17, CIPHER_AUTH_HMAC_SHA256, CIPHER_INTEGRITY_HMAC_SHA256_128, CIPHER_CONFIDENTIALITY_AES_CBC_128 },
};

/* Best first. */
static const guint8 preferred[] = { 17, 3 };

static CipherSet
set_of (guint number)
{
  return number < CIPHERS_MAX ? G_GUINT64_CONSTANT (1) << number : 0;
}

const CipherSuite *
cipher_suite (guint number)
{
  for (guint i = 0; i < G_N_ELEMENTS (suites); i++)
    if (suites[i].number == number)
      return &suites[i];
  return NULL;
}

gboolean
cipher_is_weak (const CipherSuite *suite)
{
  return suite->authentication == CIPHER_AUTH_NONE || suite->integrity == CIPHER_INTEGRITY_NONE
         || suite->confidentiality == CIPHER_CONFIDENTIALITY_NONE;
}

gboolean
cipher_records_add (CipherRecords *records, const guint8 *reply, gsize length)
{
  gsize n = length < REPLY_HEADER ? 0 : length - REPLY_HEADER;

  if (length < REPLY_HEADER || reply[0] != 0 || n > CIPHER_RECORDS_PER_REPLY || records->index > CIPHER_INDEX_MAX)
    return FALSE;
  memcpy (records->bytes + records->length, reply + REPLY_HEADER, n);
  records->length += n;
  records->index++;
  return n == CIPHER_RECORDS_PER_REPLY && records->index <= CIPHER_INDEX_MAX;
}

CipherSet
cipher_parse_records (const guint8 *records, gsize length)
{
  CipherSet offered = 0;
  gsize at = 0;

  while (at < length)
    {
      guint8 start = records[at];
      gsize header = start == RECORD_OEM ? RECORD_OEM_HEADER : 2u;

      if (start != RECORD_STANDARD && start != RECORD_OEM)
        {
          at++; /* an algorithm, or noise */
          continue;
        }
      if (length - at < header)
        break;
      /* A suite of a maker's own is not the one of the same number. */
      if (start == RECORD_STANDARD && (records[at + 1] & TAG_MASK) != TAG_MASK)
        offered |= set_of (records[at + 1]);
      at += header;
    }
  return offered;
}

const CipherSuite *
cipher_best (CipherSet offered)
{
  for (guint i = 0; i < G_N_ELEMENTS (preferred); i++)
    if ((offered & set_of (preferred[i])) != 0)
      return cipher_suite (preferred[i]);
  return NULL;
}

char *
cipher_describe (CipherSet offered)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < CIPHERS_MAX; i++)
    if ((offered & set_of (i)) != 0)
      g_string_append_printf (text, "%s%u", text->len > 0 ? ", " : "", i);
  if (text->len == 0)
    g_string_append (text, "none");
  return g_string_free (text, FALSE);
}

/* -------------------------------------------------------------- the choice */

static CipherSet
candidates (const CipherChoice *choice)
{
  CipherSet all = choice->offered;

  if (all == 0)
    for (guint i = 0; i < G_N_ELEMENTS (preferred); i++)
      all |= set_of (preferred[i]);
  return all & ~choice->refused;
}

const CipherSuite *
cipher_choice_next (const CipherChoice *choice)
{
  return choice->worked != NULL ? choice->worked : cipher_best (candidates (choice));
}

gboolean
cipher_choice_wants_offer (const CipherChoice *choice)
{
  return choice->worked == NULL && !choice->asked;
}

void
cipher_choice_offer (CipherChoice *choice, CipherSet offered)
{
  choice->asked = TRUE;
  choice->offered = offered;
}

gboolean
cipher_choice_refused (CipherChoice *choice, const CipherSuite *suite)
{
  gboolean remembered = choice->worked != NULL;

  choice->worked = NULL;
  choice->refused |= set_of (suite->number);
  if (remembered || cipher_best (candidates (choice)) == NULL)
    {
      /* Begin at the beginning: its firmware or its settings may be others. */
      choice->asked = FALSE;
      choice->offered = choice->refused = 0;
    }
  return remembered || choice->refused != 0;
}

void
cipher_choice_worked (CipherChoice *choice, const CipherSuite *suite)
{
  *choice = (CipherChoice){ .worked = suite };
}
