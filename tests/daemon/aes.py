# SPDX-License-Identifier: LGPL-2.1-or-later
"""AES-128-CBC without padding, from the libcrypto that Python itself needs."""

import ctypes
import ctypes.util


def _load():
    for name in ("libcrypto.so.3", "libcrypto.so.1.1", ctypes.util.find_library("crypto")):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise ImportError("libcrypto is missing")


_crypto = _load()
_crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
_crypto.EVP_CIPHER_CTX_free.argtypes = [ctypes.c_void_p]
_crypto.EVP_aes_128_cbc.restype = ctypes.c_void_p
_crypto.EVP_CIPHER_CTX_set_padding.argtypes = [ctypes.c_void_p, ctypes.c_int]
_crypto.EVP_CipherInit_ex.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                                      ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
_crypto.EVP_CipherUpdate.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                     ctypes.POINTER(ctypes.c_int), ctypes.c_char_p, ctypes.c_int]


def _run(key, vector, data, encrypting):
    if len(data) % 16 or len(key) != 16 or len(vector) != 16:
        raise ValueError("AES-CBC needs whole blocks")
    context = _crypto.EVP_CIPHER_CTX_new()
    try:
        result = ctypes.create_string_buffer(len(data) + 16)
        length = ctypes.c_int(0)
        ready = (_crypto.EVP_CipherInit_ex(context, _crypto.EVP_aes_128_cbc(), None,
                                           key, vector, encrypting)
                 and _crypto.EVP_CIPHER_CTX_set_padding(context, 0)
                 and _crypto.EVP_CipherUpdate(context, result, ctypes.byref(length),
                                              data, len(data)))
        if not ready:
            raise RuntimeError("libcrypto refused AES-128-CBC")
        return result.raw[:length.value]
    finally:
        _crypto.EVP_CIPHER_CTX_free(context)


def encrypt(key, vector, data):
    return _run(key, vector, data, 1)


def decrypt(key, vector, data):
    return _run(key, vector, data, 0)
