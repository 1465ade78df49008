using Bsp.Application.Messages;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>sending</c>: says whether anything leaves, holds it, or lets it go on, for all processes of the platform.</summary>
public static class SendingCommand
{
    private const string Usage = "usage: sending [status] | pause [REASON] | resume";

    /// <summary>0: done; 2: not understood.</summary>
    public static async Task<int> RunAsync(ISendingSwitch sending, string[] arguments, CancellationToken ct)
    {
        SendingState? state = arguments switch
        {
            [] or ["status"] => await sending.ReadAsync(ct),
            ["pause"] => await sending.SetAsync(held: true, null, ct),
            ["pause", { Length: <= 200 } reason] => await sending.SetAsync(held: true, reason, ct),
            ["resume"] => await sending.SetAsync(held: false, null, ct),
            _ => null,
        };
        if (state is null)
        {
            await Console.Error.WriteLineAsync(Usage);
            return 2;
        }

        var since = state.ChangedAt is { } at ? $" since {at:yyyy-MM-dd HH:mm:ss} UTC" : "";
        var why = state.Reason is { } said ? $": {said}" : "";
        Console.WriteLine(state.Held
            ? $"Nothing is sent{since}{why}. './run sending resume' lets it go on."
            : $"Messages are sent{since}.");
        return 0;
    }
}
