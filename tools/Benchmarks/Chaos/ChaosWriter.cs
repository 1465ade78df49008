using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;

namespace Bsp.Benchmarks.Chaos;

/// <summary>
/// A process with four writers, to be killed. Each command carries a token in its events' bodies, which says how many they are; what became
/// of it is told on standard output at once:
/// <c>ok token events position</c>, <c>no token</c> (surely not written), <c>? token</c> (unknown). Without a line it was under way when
/// the process died.
/// </summary>
internal static class ChaosWriter
{
    public const string Verb = "chaos-writer";
    public const string ConnectionVariable = "BSP_CHAOS_POSTGRES";
    private const int WritersOfOne = 4;
    private const int SharedStreams = 12;
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromMilliseconds(20);

    /// <param name="name">Makes tokens unique among all writers that ever ran.</param>
    public static async Task<int> RunAsync(string name, int seed, Guid[] organizations)
    {
        await using var access =
            LogAccess.To(Environment.GetEnvironmentVariable(ConnectionVariable)
                ?? throw new InvalidOperationException($"{ConnectionVariable} is not set."));
        await Task.WhenAll(Enumerable.Range(0, WritersOfOne)
            .Select(w => Task.Run(() => WriteAsync(access.Store, $"{name}.{w}", new Random((seed * 31) + w), organizations))));
        return 0;
    }

    /// <summary>Streams that everybody writes to: the same in every process.</summary>
    private static Guid Shared(Guid organization, int number) => new([.. organization.ToByteArray()[..15], (byte)number]);

    private static async Task WriteAsync(IEventStore store, string name, Random random, Guid[] organizations)
    {
        for (var n = 0; ; n++)
        {
            var (kind, events) = (random.Next(8), random.Next(1, 5));
            var token = $"{name}.{n}{ChaosLedger.Whole}{EventsOf(kind, events)}";
            try
            {
                Tell(await CommandAsync(store, random, organizations[random.Next(organizations.Length)], token, kind, events));
            }
            catch (VersionConflict)
            {
                Tell($"no {token}");
            }
            catch (StoreUnavailable unavailable)
            {
                Tell(unavailable.OutcomeUnknown ? $"? {token}" : $"no {token}");
                await Task.Delay(AfterTrouble);
            }
        }
    }

    private static int EventsOf(int kind, int events) => kind switch { 3 => events + 1, 5 or 7 => 1, _ => events };

    private static async Task<string> CommandAsync(IEventStore store, Random random, Guid organization, string token, int kind, int events)
    {
        var shared = Shared(organization, random.Next(SharedStreams));
        switch (kind)
        {
            case 0:
                return Told(token, events,
                    await store.AppendAsync(organization, [LogAccess.Append(Uuid.New(), 0, token, events)], CancellationToken.None));
            case 1:
                return Told(token, events,
                    await store.AppendAsync(organization, [LogAccess.Append(shared, null, token, events)], CancellationToken.None));
            case 2:
                // mostly a conflict
                return Told(token, events,
                    await store.AppendAsync(organization, [LogAccess.Append(shared, random.Next(50), token, events)],
                        CancellationToken.None));
            case 3:
                return Told(token, events + 1,
                    await store.AppendAsync(organization,
                        [LogAccess.Append(shared, null, token, events), LogAccess.Append(Uuid.New(), 0, token, 1)],
                        CancellationToken.None));
            case 4:
                var loaded = await LoadAsync(store, organization, shared, token);
                return Told(token, events,
                    await store.AppendAsync(organization, [LogAccess.Append(shared, loaded, token, events)], CancellationToken.None));
            case 5:
                await store.Decide<Campaign, CampaignEvent>(organization, shared, _ =>
                    [new CampaignPaused(shared, token, DateTimeOffset.UnixEpoch)], null, CancellationToken.None);
                return $"ok {token} 1 0"; // carried by Marten
            case 6:
                var begun = Uuid.New();
                await store.Decide<Campaign, CampaignEvent>(organization, begun,
                    _ => [.. Enumerable.Range(0, events).Select(_ => new CampaignPaused(begun, token, DateTimeOffset.UnixEpoch))], null,
                    CancellationToken.None);
                return $"ok {token} {events} 0";
            default:
                await store.Decide<Counted, CampaignEvent>(organization, shared, _ =>
                    [new CampaignPaused(shared, token, DateTimeOffset.UnixEpoch)], null, CancellationToken.None);
                return $"ok {token} 1 0";
        }
    }

    // Reading is no writing: whatever happens to it, nothing was written.
    private static async Task<long> LoadAsync(IEventStore store, Guid organization, Guid stream, string token)
    {
        try
        {
            return (await store.LoadStateAsync<Counted, CampaignEvent>(organization, stream, CancellationToken.None)).Version;
        }
        catch (Exception trouble) when (trouble is Npgsql.NpgsqlException)
        {
            throw new StoreUnavailable($"postgres ({token})", trouble);
        }
    }

    private static string Told(string token, int events, AppendOutcome outcome) =>
        outcome.Verdict == AppendVerdict.Ok ? $"ok {token} {events} {outcome.LastPosition.Sequence}" : $"no {token}";

    private static void Tell(string line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }
}
