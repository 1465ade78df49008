using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>sending</c>: says whether messages leave, stops them, lets them go on.</summary>
public static class SendingCommand
{
    private const string Usage = "usage: sending [status] | sending hold REASON | sending resume";

    /// <returns>0: done; 1: of <c>status</c>, nothing is sent; 2: not understood.</returns>
    public static async Task<int> RunAsync(Shards shards, string[] arguments, TimeProvider clock, CancellationToken ct)
    {
        switch (arguments)
        {
            case [] or ["status"]:
                return await SayAsync(shards, ct);
            case ["hold", .. { Length: > 0 } words] when words.Any(word => !string.IsNullOrWhiteSpace(word)):
                await SendingHold.HoldAsync(shards, string.Join(' ', words), clock.GetUtcNow(), ct);
                await SayAsync(shards, ct);
                return 0;
            case ["resume"]:
                Console.WriteLine(await SendingHold.ResumeAsync(shards, ct) ? "Sending goes on." : "Sending was not held.");
                return 0;
            default:
                await Console.Error.WriteLineAsync(Usage);
                return 2;
        }
    }

    private static async Task<int> SayAsync(Shards shards, CancellationToken ct)
    {
        var held = await SendingHold.FindAsync(shards, ct);
        Console.WriteLine(held is null ? "Messages are sent."
            : $"Nothing is sent since {held.Since:yyyy-MM-dd HH:mm:ss} UTC: {held.Reason}. './run sending resume' goes on.");
        return held is null ? 0 : 1;
    }
}
