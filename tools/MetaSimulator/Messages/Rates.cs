using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Messages;

/// <summary>Turns the options' rates into the fate of one message.</summary>
internal static class Rates
{
    public static Fate FateOf(string key, int attempt, SimulatorOptions options, out GraphError? refusal)
    {
        bool Hits(double rate, string purpose) => Draw.Hits(rate, options.Seed, purpose, key, attempt);

        refusal = Hits(options.RateLimitRate, "rate limit") ? GraphError.Throughput
            : Hits(options.RejectRate, "reject") ? GraphError.Undeliverable
            : null;
        var answer = Hits(options.TimeoutRate, "timeout") ? Answer.AcceptAndHang
            : Hits(options.ServerErrorRate, "server error") ? Answer.ErrorNotAccepted
            : Hits(options.ServerErrorAcceptedRate, "server error accepted") ? Answer.ErrorAccepted
            : Hits(options.EarlyRate, "early") ? Answer.AcceptEarly
            : Answer.Accept;
        var script = Hits(options.UserCapRate, "user cap") ? CappedScript : ScriptOf(key, options);
        return answer == Answer.Accept && ReferenceEquals(script, Script.Normal) ? Fate.Normal : new(answer, script);
    }

    /// <summary>What happens to the message itself does not depend on the attempt.</summary>
    private static Script ScriptOf(string key, SimulatorOptions options)
    {
        if (Draw.Hits(options.FailRate, options.Seed, "fail", key, 0))
        {
            return FailedScript;
        }

        if (options.ReadRate < 1 && !Draw.Hits(options.ReadRate, options.Seed, "read", key, 0))
        {
            return Script.NeverRead;
        }

        return Draw.Hits(options.ReorderRate, options.Seed, "reorder", key, 0)
            ? Script.Shuffled[(int)(Draw.Fraction(options.Seed, "order", key, 0) * Script.Shuffled.Length)]
            : Script.Normal;
    }

    private static readonly Script FailedScript = Script.Fails(GraphError.Undeliverable);
    private static readonly Script CappedScript = Script.Fails(GraphError.Marketing);
}
