using System.Globalization;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Queue;

/// <summary>A job in somebody's hands: theirs until the lock runs out, unless they renew it.</summary>
/// <param name="Token">Proves the ownership; another one for every take.</param>
/// <param name="AttemptsMade">Runs that ended, before this one.</param>
/// <param name="Starts">Runs begun, this one included; more than <paramref name="AttemptsMade"/> + 1 when a worker died or put it
/// back.</param>
/// <param name="Stalls">How often a worker lost it.</param>
/// <param name="MustFail">
/// The reason with which the job must be failed without running it (it stalled too often, or needs a feature of BullMQ this worker
/// does not have); null for an ordinary job. <see cref="Worker"/> does that by itself.
/// </param>
public sealed record TakenJob(
    string Id, string Name, string Data, JobOptions Options, string Token,
    DateTimeOffset EnqueuedAt, int Priority, int AttemptsMade, int Starts, int Stalls, string? MustFail)
{
    private const long LatestMs = 253_402_300_799_999; // end of the year 9999

    /// <summary>Whether a failure now would be followed by another attempt.</summary>
    public bool MayRetry => AttemptsMade + 1 < Options.Attempts;

    // The order is that of FIELDS in take.lua.
    internal static TakenJob From(RedisResult reply, string token)
    {
        var fields = (RedisResult[])reply[1]!;
        return new(
            (string)reply[0]!, (string?)fields[0] ?? "", (string?)fields[1] ?? "{}", JobOptions.Read((string?)fields[2]), token,
            DateTimeOffset.FromUnixTimeMilliseconds(Whole(fields[3], LatestMs)), (int)Whole(fields[4], int.MaxValue),
            (int)Whole(fields[5], int.MaxValue - 1),
            (int)Whole(fields[6], int.MaxValue), (int)Whole(fields[7], int.MaxValue),
            Reason((string?)fields[8], (string?)fields[9], (string?)fields[10]));
    }

    // Whatever a client wrote (1.5, 1e300, "now"): a job that cannot be read would keep the whole batch from being worked on, again and
    // again.
    private static long Whole(RedisResult field, long most) =>
        double.TryParse((string?)field, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && !double.IsNaN(number)
        ? (long)Math.Clamp(number, 0, most) : 0;

    private static string? Reason(string? deferred, string? schedulerId, string? parentKey) =>
        deferred
        ?? (schedulerId is null ? null : $"job schedulers are not supported by this worker (scheduler '{schedulerId}')")
        ?? (parentKey is null ? null : $"flows are not supported by this worker (parent '{parentKey}')");
}
