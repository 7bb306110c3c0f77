/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-cipher.c - what a BMC says of its cipher suites, and what is made of it:
 * the question ends, and whatever the BMC then refuses, only a suite that is fit
 * to be taken is tried, each once, before the BMC is asked again.
 *
 * Input: a byte of how the tries end (bit n: the BMC refuses try n), then a row
 * of replies: how long, and the bytes.
 */
#include "collector/cipher.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* The list index of the command has six bits. */
#define ASKED_MAX 64u
/* 17 and 3. */
#define SUITES_TRIED_MAX 2u
#define TRIES 8u

static void
choose (CipherSet offered, uint8_t refusals)
{
  CipherChoice choice = { 0 };
  guint refused = 0; /* in a row, since the BMC was asked */

  for (guint i = 0; i < TRIES; i++)
    {
      if (cipher_choice_wants_offer (&choice))
        {
          cipher_choice_offer (&choice, offered);
          refused = 0;
        }
      const CipherSuite *suite = cipher_choice_next (&choice);
      if (suite == NULL)
        return;
      if (cipher_is_weak (suite) || (offered != 0 && (offered & G_GUINT64_CONSTANT (1) << suite->number) == 0)
          || (choice.refused & G_GUINT64_CONSTANT (1) << suite->number) != 0)
        abort ();
      if ((refusals & 1u << i) == 0)
        cipher_choice_worked (&choice, suite);
      else if (++refused > SUITES_TRIED_MAX)
        abort ();
      else
        cipher_choice_refused (&choice, suite);
    }
}

static void
check_words (CipherSet offered)
{
  g_autofree char *words = cipher_describe (offered);
  const CipherSuite *best = cipher_best (offered);

  if ((offered == 0) != g_str_equal (words, "none"))
    abort ();
  if (best != NULL && (offered & G_GUINT64_CONSTANT (1) << best->number) == 0)
    abort ();
}

static void
add (CipherRecords *records, const uint8_t *bytes, gsize length)
{
  /* On the heap, and no longer: AddressSanitizer sees where it ends. */
  g_autofree uint8_t *reply = g_memdup2 (bytes, length);
  gsize before = records->length;
  gboolean more = cipher_records_add (records, reply, length);

  if (records->length != before && records->length - before != length - 2)
    abort ();
  if (more && (length != 2 + CIPHER_RECORDS_PER_REPLY || records->index >= ASKED_MAX))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CipherRecords records = { 0 };

  if (size < 1)
    return 0;
  uint8_t refusals = *data++;
  for (size--; size > 0;)
    {
      gsize length = MIN ((size_t) *data, size - 1);

      /* Also what nobody asked for. */
      add (&records, data + 1, length);
      data += 1 + length;
      size -= 1 + length;
    }
  CipherSet offered = cipher_parse_records (records.bytes, records.length);
  check_words (offered);
  choose (offered, refusals);
  return 0;
}
