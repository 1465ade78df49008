using System.Globalization;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Queue;

/// <summary>A job in somebody's hands: theirs until the lock runs out, unless they renew it.</summary>
/// <param name="Token">Proves the ownership; another one for every take.</param>
/// <param name="AttemptsMade">Runs that ended, before this one.</param>
/// <param name="Starts">Runs begun, this one included; more than <paramref name="AttemptsMade"/> + 1 when a worker died or put it back.</param>
/// <param name="Stalls">How often a worker lost it.</param>
/// <param name="MustFail">
/// The reason with which the job must be failed without running it (it stalled too often, or needs a feature of BullMQ this worker
/// does not have); null for an ordinary job. <see cref="Worker"/> does that by itself.
/// </param>
public sealed record TakenJob(
    string Id, string Name, string Data, JobOptions Options, string Token,
    DateTimeOffset EnqueuedAt, int Priority, int AttemptsMade, int Starts, int Stalls, string? MustFail)
{
    /// <summary>Whether a failure now would be followed by another attempt.</summary>
    public bool MayRetry => AttemptsMade + 1 < Options.Attempts;

    // The order is that of FIELDS in take.lua.
    internal static TakenJob From(RedisResult reply, string token)
    {
        var fields = (RedisResult[])reply[1]!;
        return new(
            (string)reply[0]!, (string?)fields[0] ?? "", (string?)fields[1] ?? "{}", JobOptions.Read((string?)fields[2]), token,
            DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(Number(fields[3]), 0, UnixMsMax)), Small(fields[4]), Small(fields[5]), Small(fields[6]), Small(fields[7]), Reason((string?)fields[8], (string?)fields[9], (string?)fields[10]));
    }

    private const long UnixMsMax = 253_402_300_799_999; // the end of the year 9999

    // Whoever wrote the job: what is no number counts as 0, and one odd job must not keep its batch from being taken.
    private static long Number(RedisResult field) => long.TryParse((string?)field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static int Small(RedisResult field) => (int)Math.Clamp(Number(field), 0, int.MaxValue);

    private static string? Reason(string? deferred, string? schedulerId, string? parentKey) =>
        deferred
        ?? (schedulerId is null ? null : $"job schedulers are not supported by this worker (scheduler '{schedulerId}')")
        ?? (parentKey is null ? null : $"flows are not supported by this worker (parent '{parentKey}')");
}
