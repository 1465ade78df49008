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
/// How often a password may be tried: <see cref="PerPairMax"/> times a window by one address at one account, <see cref="PerAddressMax"/>
/// times by one address, and
/// <see cref="PerAccountMax"/> times at one account by all addresses from which its owner never signed in. An attempt is counted before the
/// password is looked at, so that many at once are
/// counted too, and one that is refused here does not lengthen the wait. The address is counted first: beyond its limit nothing else is
/// written. Strangers can therefore slow each other down, not the owner at their usual address.
/// </summary>
public sealed class LoginGate(Shards shards, BspOptions options, TimeProvider clock)
{
    public const int PerPairMax = 5;
    public const int PerAddressMax = 100;
    public const int PerAccountMax = 20;
    private const int PurgedMax = 1_000;
    private const string Counting = """
        ON CONFLICT (subject) DO UPDATE SET attempts = CASE WHEN a.until <= $2 THEN 1 ELSE a.attempts + 1 END, until = CASE WHEN a.until <= $2 THEN excluded.until ELSE a.until END
        """;

    private static readonly TimeSpan KnownFor = TimeSpan.FromDays(30);

    private readonly byte[] subjectKey = HMACSHA256.HashData(options.MasterKey, "bsp.login.1"u8);

    /// <summary>Counts an attempt.</summary>
    /// <param name="address">Null: unknown, which counts as one address.</param>
    /// <exception cref="LoginThrottled">One too many.</exception>
    public async Task<LoginAttempt> EnterAsync(string email, string? address, CancellationToken ct)
    {
        address = Network(address);
        var attempt =
            new LoginAttempt(Subject("pair", email, address), Subject("account", email), Subject("address", address),
                Subject("known", email, address));
        var now = clock.GetUtcNow();
        var known = await CountAddressAsync(attempt, now, ct);

        // In the order of the text, so that two attempts cannot deadlock.
        (string Subject, int Max)[] counted = [(attempt.Pair, PerPairMax), .. known ? [] : new[] { (attempt.Account, PerAccountMax) }];
        var limits = counted.OrderBy(c => c.Subject, StringComparer.Ordinal).ToList();
        await using var command = shards.Directory.CreateCommand($"""
            INSERT INTO bsp.login_attempts AS a (subject, attempts, until) SELECT s, 1, $3 FROM unnest($1::text[]) AS u (s) {Counting} RETURNING subject, attempts, until
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

        return wait == TimeSpan.Zero ? attempt : throw Throttled(wait);
    }

    /// <summary>
    /// The password was right: the attempts of this address at this account are forgotten, and the address is the account's own for 30
    /// days.
    /// </summary>
    public async Task SucceededAsync(LoginAttempt attempt, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var batch = shards.Directory.CreateBatch();
        batch.BatchCommands.Add(
            new("DELETE FROM bsp.login_attempts WHERE subject = $1") { Parameters = { new() { Value = attempt.Pair } } });
        batch.BatchCommands.Add(
            new("INSERT INTO bsp.login_attempts (subject, attempts, until) VALUES ($1, 0, $2) ON CONFLICT (subject) DO UPDATE SET until = excluded.until")
        {
            Parameters = { new() { Value = attempt.Known }, new() { Value = (now + KnownFor).UtcDateTime } },
        });
        await batch.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Forgets what is over; how many subjects that were.</summary>
    public async Task<int> PurgeAsync(CancellationToken ct)
    {
        for (var gone = 0; ;)
        {
            await using var command = shards.Directory.CreateCommand(
                "DELETE FROM bsp.login_attempts WHERE subject IN (SELECT subject FROM bsp.login_attempts WHERE until < $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED)");
            command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
            command.Parameters.Add(new() { Value = PurgedMax });
            var page = await command.ExecuteNonQueryAsync(ct);
            gone += page;
            if (page < PurgedMax)
            {
                return gone;
            }
        }
    }

    // First and alone: what an address tries beyond its own limit leaves no row, whatever e-mails it makes up.
    private async Task<bool> CountAddressAsync(LoginAttempt attempt, DateTimeOffset now, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand($"""
            INSERT INTO bsp.login_attempts AS a (subject, attempts, until) VALUES ($1, 1, $3) {Counting}
            RETURNING attempts, until, EXISTS (SELECT FROM bsp.login_attempts k WHERE k.subject = $4 AND k.until > $2)
            """);
        command.Parameters.Add(new() { Value = attempt.Address });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = (now + options.LoginWindow).UtcDateTime });
        command.Parameters.Add(new() { Value = attempt.Known });
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return reader.GetInt32(0) <= PerAddressMax ? reader.GetBoolean(2) : throw Throttled(reader.GetFieldValue<DateTimeOffset>(1) - now);
    }

    // The window may have been begun by somebody whose clock was read later than ours.
    private LoginThrottled Throttled(TimeSpan wait) => new(wait < options.LoginWindow ? wait : options.LoginWindow);

    // One customer of a provider has at least 64 bits of IPv6 to themselves: they count as one address.
    private static string? Network(string? address) => IPAddress.TryParse(address, out var ip)
        && ip.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexStringLower(ip.GetAddressBytes()[..8]) : address;

    // Keyed: e-mails and addresses can be guessed from a plain hash. After a rotation of the master key counting begins anew.
    private string Subject(params string?[] parts) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(subjectKey, Encoding.UTF8.GetBytes(string.Join('\n', parts))));
}

/// <summary>A counted attempt: the subjects it was counted under.</summary>
public sealed record LoginAttempt(string Pair, string Account, string Address, string Known);
