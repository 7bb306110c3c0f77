/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * suite17-keys.h - the arithmetic of RAKP-HMAC-SHA256 (IPMI 2.0, sections 13.20
 * to 13.24, 13.28 and 13.31 to 13.33).  Pure, without state.
 *
 * All keys are K_UID (the password) or K_G, filled up with zeros.
 */
#ifndef SUITE17_KEYS_H
#define SUITE17_KEYS_H

#include <glib.h>

#define SUITE17_KEY_SIZE 20u    /* K_UID and K_G */
#define SUITE17_RANDOM_SIZE 16u /* R_M and R_C */
#define SUITE17_GUID_SIZE 16u   /* GUID_C */
#define SUITE17_USER_MAX 16u    /* UName_M */
#define SUITE17_HASH_SIZE 32u   /* SIK, K1, K2, the code of RAKP 2 and RAKP 3 */
#define SUITE17_CODE_SIZE 16u   /* the code of RAKP 4 and of each packet: HMAC-SHA256-128 */

/* What both sides have said by RAKP 2, named as in section 13.31. */
typedef struct
{
  guint32 console_session; /* SID_M */
  guint32 bmc_session;     /* SID_C */
  guint8 console_random[SUITE17_RANDOM_SIZE];
  guint8 bmc_random[SUITE17_RANDOM_SIZE];
  guint8 bmc_guid[SUITE17_GUID_SIZE];
  guint8 role; /* Role_M: privilege, and how the user is looked up */
  guint8 user_length;
  guint8 user[SUITE17_USER_MAX];
} Suite17Exchange;

/* The code that the BMC sends in RAKP 2, the one that we send in RAKP 3 (`role`
 * as sent: see the hack of that name), the one that it sends in RAKP 4. */
void suite17_rakp2_code (const Suite17Exchange *exchange, const guint8 *password, guint8 *code);
void suite17_rakp3_code (const Suite17Exchange *exchange, guint8 role, const guint8 *password, guint8 *code);
void suite17_rakp4_code (const Suite17Exchange *exchange, const guint8 *sik, guint8 *code);

/* The session integrity key; `bmc_key` is K_G, or K_UID where the BMC has no
 * K_G. */
void suite17_sik (const Suite17Exchange *exchange, const guint8 *bmc_key, guint8 *sik);

/* K1 (`n` is 1) or K2 (2). */
void suite17_additional_key (const guint8 *sik, guint8 n, guint8 *key);

/* In a time that does not depend on the contents. */
gboolean suite17_codes_equal (const guint8 *a, const guint8 *b, gsize length);

/* Makes libcrypto load whatever it loads when it is used first, for all
 * algorithms of RMCP+: behind the sandbox it could not. */
void suite17_prepare_crypto (void);

#endif
