using Npgsql;

namespace Bsp.Infrastructure.Sealing;

/// <summary>The public keys that signed heads of the log, and which of them count.</summary>
internal static class LogKeys
{
    /// <summary>
    /// Puts the key that signs now down, and its word for every other key that counts, so that what those signed stays good when their
    /// master key is gone.
    /// </summary>
    public static async Task IntroduceAsync(NpgsqlConnection connection, LogSigner signer, CancellationToken ct)
    {
        var known = await AllAsync(connection, ct);
        var trusted = await TrustedAsync(connection, signer, ct);
        foreach (var (keyId, publicKey) in trusted.Where(key => !known.ContainsKey(key.Key) && key.Key == signer.CurrentId))
        {
            await LogSealer.ExecuteAsync(connection,
                "INSERT INTO bsp.log_keys (key_id, public_key) VALUES ($1, $2) ON CONFLICT DO NOTHING", ct, keyId, publicKey);
        }

        foreach (var (keyId, publicKey) in trusted.Where(key => known.ContainsKey(key.Key) && key.Key != signer.CurrentId))
        {
            var word = signer.Sign(LogSigner.Voucher(keyId, publicKey).Bytes);
            await LogSealer.ExecuteAsync(connection,
                "INSERT INTO bsp.log_key_vouchers (key_id, by_key_id, signature) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", ct, keyId,
                word.KeyId, word.Signature);
        }
    }

    /// <summary>Keys that follow from the configuration, and whom one that counts vouches for.</summary>
    public static async Task<IReadOnlyDictionary<string, byte[]>> TrustedAsync(NpgsqlConnection connection, LogSigner signer,
        CancellationToken ct)
    {
        var all = await AllAsync(connection, ct);
        var words = await LogSealer.QueryAsync(connection, "SELECT key_id, by_key_id, signature FROM bsp.log_key_vouchers", r =>
            (Key: r.GetString(0), By: r.GetString(1), Signature: r.GetFieldValue<byte[]>(2)), ct);
        var trusted = new Dictionary<string, byte[]>(signer.Held);
        for (var more = true; more;)
        {
            more = false;
            foreach (var word in words.Where(w => !trusted.ContainsKey(w.Key) && trusted.ContainsKey(w.By) && all.ContainsKey(w.Key)))
            {
                if (LogSigner.IdOf(all[word.Key]) == word.Key
                    && LogSigner.Verify(trusted[word.By], LogSigner.Voucher(word.Key, all[word.Key]).Bytes, word.Signature))
                {
                    more = trusted.TryAdd(word.Key, all[word.Key]);
                }
            }
        }

        return trusted;
    }

    /// <summary>Every key that was put down, by its id.</summary>
    public static async Task<Dictionary<string, byte[]>> AllAsync(NpgsqlConnection connection, CancellationToken ct) =>
        (await LogSealer.QueryAsync(connection, "SELECT key_id, public_key FROM bsp.log_keys", r =>
            (r.GetString(0), r.GetFieldValue<byte[]>(1)), ct)).ToDictionary();
}
