using System.Globalization;
using Bsp.Application.Common;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What the writers were told, against what the log holds.</summary>
internal sealed class ChaosLedger
{
    /// <summary>In a token, before the number of events that the whole call has: <c>3.1.42x5</c>.</summary>
    public const char Whole = 'x';

    private readonly Lock gate = new();
    private readonly Dictionary<string, (int Events, long Position)> written = [];
    private readonly HashSet<string> refused = [];

    public int Written => written.Count;

    public int Refused => refused.Count;

    public int Unknown { get; private set; }

    /// <summary>One line of a writer; half a line, cut off by a kill, says nothing.</summary>
    public void Take(string line)
    {
        lock (gate)
        {
            switch (line.Split(' '))
            {
                case ["ok", var token, var events, var position] when int.TryParse(events, CultureInfo.InvariantCulture, out var count)
                    && long.TryParse(position, CultureInfo.InvariantCulture, out var at):
                    written[token] = (count, at);
                    break;
                case ["no", var token]:
                    refused.Add(token);
                    break;
                case ["?", _]:
                    Unknown++;
                    break;
            }
        }
    }

    /// <summary>Every way in which the log breaks a promise; none: it keeps them all.</summary>
    /// <param name="seen">What each tailing reader saw, by its name, in its order.</param>
    public async Task<List<string>> FaultsAsync(NpgsqlDataSource admin, IReadOnlyDictionary<string, IReadOnlyList<long>> seen,
        CancellationToken ct)
    {
        var faults = new List<string>();
        var (tokens, sequences) = await ReadAsync(admin, ct);
        lock (gate)
        {
            foreach (var (token, (events, position)) in written)
            {
                if (!tokens.TryGetValue(token, out var found))
                {
                    faults.Add($"{token} was acknowledged and is not there");
                }
                else if (found.Count != events || (position > 0 && found.Last != position))
                {
                    faults.Add($"{token} was acknowledged with {events} events up to {position} and is there with {found.Count} up to {found.Last}");
                }
            }

            if (written.Count == 0)
            {
                faults.Add("nothing was acknowledged, so nothing was tried");
            }

            faults.AddRange(refused.Where(tokens.ContainsKey).Select(token => $"{token} was refused and is there"));
        }

        faults.AddRange(Halves(tokens.Select(t => (t.Key, t.Value.Count))));
        faults.AddRange(await BrokenStreamsAsync(admin, ct));
        foreach (var (reader, numbers) in seen)
        {
            if (!numbers.SequenceEqual(sequences))
            {
                faults.Add($"the {reader} saw {numbers.Count} events and not the {sequences.Count} that are there in order: missing {sequences.Except(numbers).Count()}, twice {numbers.Count - numbers.Distinct().Count()}");
            }
        }

        return faults;
    }

    /// <summary>Calls of which not every event is there, or some twice; also those of which nobody was told what became of them.</summary>
    public static IEnumerable<string> Halves(IEnumerable<(string Token, int Count)> calls) => calls
        .Where(call =>
            !int.TryParse(call.Token.AsSpan(call.Token.LastIndexOf(Whole) + 1), NumberStyles.None, CultureInfo.InvariantCulture,
                out var whole) || whole != call.Count)
        .Select(call => $"the call {call.Token} is there with {call.Count} events");

    private static async Task<(Dictionary<string, (int Count, long Last)> Tokens, List<long> Sequences)> ReadAsync(NpgsqlDataSource admin,
        CancellationToken ct)
    {
        await using var command = admin.CreateCommand("SELECT seq_id, data->>'reason' FROM mt_events ORDER BY seq_id");
        await using var reader = await command.ExecuteReaderAsync(ct);
        var (tokens, sequences) = (new Dictionary<string, (int Count, long Last)>(), new List<long>());
        while (await reader.ReadAsync(ct))
        {
            var (sequence, token) = (reader.GetInt64(0), reader.GetString(1));
            sequences.Add(sequence);
            tokens[token] = (tokens.GetValueOrDefault(token).Count + 1, sequence);
        }

        return (tokens, sequences);
    }

    // Versions without holes from 1, the stream's own version the last one, numbers in the order of versions.
    private static async Task<List<string>> BrokenStreamsAsync(NpgsqlDataSource admin, CancellationToken ct)
    {
        await using var command = admin.CreateCommand("""
            SELECT s.id::text, s.version, count(e.*), min(e.version), max(e.version), count(DISTINCT e.id),
                   coalesce(bool_and(e.ordered), true)
              FROM mt_streams s
              LEFT JOIN (SELECT *, seq_id > lag(seq_id, 1, 0::bigint) OVER (PARTITION BY tenant_id, stream_id ORDER BY version) AS ordered FROM mt_events) e ON e.tenant_id = s.tenant_id AND e.stream_id = s.id
             GROUP BY s.tenant_id, s.id, s.version
            HAVING NOT (s.version = count(e.*) AND min(e.version) = 1 AND max(e.version) = s.version AND count(DISTINCT e.id) = count(e.*) AND coalesce(bool_and(e.ordered), true))
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var broken = new List<string>();
        while (await reader.ReadAsync(ct))
        {
            broken.Add($"stream {reader.GetString(0)} is at {reader.GetInt64(1)} and has {reader.GetInt64(2)} events, ordered: {reader.GetBoolean(6)}");
        }

        return broken;
    }
}
