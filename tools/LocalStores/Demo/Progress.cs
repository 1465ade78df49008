using System.Text.Json.Nodes;

namespace Bsp.LocalStores.Demo;

/// <summary>One look at a campaign's counters. Sent, delivered and read are cumulative: who read was also delivered.</summary>
internal sealed record Progress(int Total, int Queued, int Skipped, int Sent, int Delivered, int Read, int Failed, int Unknown)
{
    /// <summary>Recipients with nothing left to wait for.</summary>
    public int Settled => Math.Min(Total, Delivered + Failed + Skipped);

    public static Progress From(JsonNode body)
    {
        int Of(string name) => body[name]?.GetValue<int>() ?? 0;
        return new(Of("total"), Of("queued"), Of("skipped"), Of("sent"), Of("delivered"), Of("read"), Of("failed"), Of("unknown"));
    }

    /// <summary>Recipients settled per second since the launch.</summary>
    public double Rate(TimeSpan since) => since > TimeSpan.Zero ? Settled / since.TotalSeconds : 0;

    /// <summary>Time until all are settled at the rate so far; null while there is none.</summary>
    public TimeSpan? Remaining(TimeSpan since) => Settled > 0 ? since * ((double)(Total - Settled) / Settled) : null;

    public string Line(TimeSpan since) =>
        $"{Settled}/{Total} settled, {Rate(since):0} a second, sent {Sent}, delivered {Delivered}, read {Read}, failed {Failed}, unknown {Unknown}, skipped {Skipped}, to go {Short(Remaining(since))}";

    public static string Short(TimeSpan? time) => time is { } t ? $"{(int)t.TotalMinutes}:{t.Seconds:00}" : "-";
}
