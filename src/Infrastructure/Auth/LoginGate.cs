using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// How often a password may be tried: <see cref="PerPairMax"/> times a window by one address at one account, <see cref="PerAddressMax"/> times by one address, and
/// <see cref="PerAccountMax"/> times at one account by all addresses from which its owner never signed in. An attempt is counted before the password is looked at, so that many at once are
/// counted too, and one that is refused here does not lengthen the wait. Strangers can therefore slow each other down, not the owner at his usual address.
/// </summary>
public sealed class LoginGate(Shards shards, BspOptions options, TimeProvider clock)
{
    public const int PerPairMax = 5;
    public const int PerAddressMax = 100;
    public const int PerAccountMax = 20;
    private const int PurgedMax = 1_000;
    private static readonly TimeSpan KnownFor = TimeSpan.FromDays(30);

    /// <summary>Counts an attempt.</summary>
    /// <param name="address">Null: unknown, which counts as one address.</param>
    /// <exception cref="LoginThrottled">One too many.</exception>
    public async Task<LoginAttempt> EnterAsync(string email, string? address, CancellationToken ct)
    {
        address = Network(address);
        var attempt = new LoginAttempt(Subject("pair", email, address), Subject("account", email), Subject("address", address), Subject("known", email, address));
        var now = clock.GetUtcNow();
        var known = await KnownAsync(attempt.Known, now, ct);

        // In the order of the text, so that two attempts cannot deadlock.
        (string Subject, int Max)[] counted = [(attempt.Pair, PerPairMax), (attempt.Address, PerAddressMax), .. known ? [] : new[] { (attempt.Account, PerAccountMax) }];
        var limits = counted.OrderBy(c => c.Subject, StringComparer.Ordinal).ToList();
        await using var command = shards.Directory.CreateCommand("""
            INSERT INTO bsp.login_attempts AS a (subject, attempts, until) SELECT s, 1, $3 FROM unnest($1::text[]) AS u (s)
            ON CONFLICT (subject) DO UPDATE SET attempts = CASE WHEN a.until <= $2 THEN 1 ELSE a.attempts + 1 END, until = CASE WHEN a.until <= $2 THEN excluded.until ELSE a.until END
            RETURNING subject, attempts, until
            """);
        command.Parameters.Add(new() { Value = limits.ConvertAll(l => l.Subject).ToArray() });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = (now + options.LoginWindow).UtcDateTime });
        var wait = TimeSpan.Zero;
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var max = limits.Single(l => l.Subject == reader.GetString(0)).Max;
            var until = reader.GetFieldValue<DateTimeOffset>(2);
            wait = reader.GetInt32(1) > max && until - now > wait ? until - now : wait;
        }

        // The window may have been begun by somebody whose clock was read later than ours.
        return wait == TimeSpan.Zero ? attempt : throw new LoginThrottled(wait < options.LoginWindow ? wait : options.LoginWindow);
    }

    /// <summary>The password was right: the attempts of this address at this account are forgotten, and the address is the account's own for 30 days.</summary>
    public async Task SucceededAsync(LoginAttempt attempt, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var batch = shards.Directory.CreateBatch();
        batch.BatchCommands.Add(new("DELETE FROM bsp.login_attempts WHERE subject = $1") { Parameters = { new() { Value = attempt.Pair } } });
        batch.BatchCommands.Add(new("INSERT INTO bsp.login_attempts (subject, attempts, until) VALUES ($1, 0, $2) ON CONFLICT (subject) DO UPDATE SET until = excluded.until")
        {
            Parameters = { new() { Value = attempt.Known }, new() { Value = (now + KnownFor).UtcDateTime } },
        });
        batch.BatchCommands.Add(new("DELETE FROM bsp.login_attempts WHERE subject IN (SELECT subject FROM bsp.login_attempts WHERE until < $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED)")
        {
            Parameters = { new() { Value = now.UtcDateTime }, new() { Value = PurgedMax } },
        });
        await batch.ExecuteNonQueryAsync(ct);
    }

    private async Task<bool> KnownAsync(string subject, DateTimeOffset now, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("SELECT EXISTS (SELECT FROM bsp.login_attempts WHERE subject = $1 AND until > $2)");
        command.Parameters.Add(new() { Value = subject });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        return await command.ExecuteScalarAsync(ct) is true;
    }

    // One customer of a provider has at least 64 bits of IPv6 to himself: they count as one address.
    private static string? Network(string? address) => IPAddress.TryParse(address, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexStringLower(ip.GetAddressBytes()[..8]) : address;

    private static string Subject(params string?[] parts) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))));
}

/// <summary>A counted attempt: the subjects it was counted under.</summary>
public sealed record LoginAttempt(string Pair, string Account, string Address, string Known);
