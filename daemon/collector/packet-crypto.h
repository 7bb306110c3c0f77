/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * packet-crypto.h - what libcrypto does for each packet of a session.
 *
 * It looks an algorithm up by its name each time that it is asked for one in the
 * simple way, which costs more than the work on so short a packet.  Here that is
 * done once for all; the keys are given with each packet, so that a session
 * needs no more memory than they do.  One thread.
 */
#ifndef PACKET_CRYPTO_H
#define PACKET_CRYPTO_H

#include <glib.h>

typedef struct _PacketCrypto PacketCrypto;

typedef enum
{
  PACKET_HMAC_SHA1,
  PACKET_HMAC_SHA256,
} PacketHmac;

/* The longest hash of an HMAC. */
#define PACKET_HASH_MAX 32u
/* AES-CBC-128: block, key and initialization vector. */
#define PACKET_BLOCK_SIZE 16u

/* Ends the process if libcrypto has no such algorithm. */
PacketCrypto *packet_crypto_new (void);
void packet_crypto_free (PacketCrypto *crypto);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PacketCrypto, packet_crypto_free)

/* Puts the whole hash into `hash`, which has PACKET_HASH_MAX bytes. */
void packet_crypto_sign (PacketCrypto *crypto, PacketHmac hmac, const guint8 *key, gsize key_length, const guint8 *data,
                         gsize length, guint8 *hash);

/* In place; `length` is a multiple of the block size. */
void packet_crypto_encrypt (PacketCrypto *crypto, const guint8 *key, const guint8 *iv, guint8 *data, gsize length);
void packet_crypto_decrypt (PacketCrypto *crypto, const guint8 *key, const guint8 *iv, guint8 *data, gsize length);

#endif
