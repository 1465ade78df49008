using System.Security.Cryptography;
using System.Text;

namespace Bsp.MetaSimulator.Webhooks;

/// <summary>One POST, the same bytes at every attempt.</summary>
internal sealed class WebhookPost(string url, byte[] body, string appSecret, int items)
{
    private readonly TaskCompletionSource _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Url => url;

    public byte[] Body => body;

    /// <summary>How many updates it tells.</summary>
    public int Items => items;

    /// <summary>Attempts that were not answered with 200.</summary>
    public int Refusals { get; set; }

    /// <summary>Ends when the receiver has answered 200.</summary>
    public Task Accepted => _accepted.Task;

    public string Signature { get; } =
        "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(appSecret), body));

    public void NoteAccepted() => _accepted.TrySetResult();
}
