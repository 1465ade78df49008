using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;

namespace Bsp.IntegrationTests.Templates;

/// <summary>A Meta that answers as told and remembers what it was asked; the real client is tested against the simulator.</summary>
internal sealed class ScriptedMeta : IMeta, ISecrets
{
    public List<string> Calls { get; } = [];

    public List<ListedTemplate> Listed { get; } = [];

    public MetaRefused? Refuses { get; set; }

    /// <summary>Runs after Meta took a submission and before its answer arrives.</summary>
    public Func<Task> Meanwhile { get; set; } = () => Task.CompletedTask;

    public async Task<SubmittedTemplate> SubmitTemplateAsync(MetaNumber number, string? metaTemplateId, string name, string language,
        string category, JsonElement components, CancellationToken ct)
    {
        Calls.Add($"submit {number.WabaId} {number.AccessToken} {metaTemplateId} {name} {language} {category} {components.GetRawText()}");
        await Meanwhile();
        return Refuses is null ? new(metaTemplateId ?? $"meta-{name}", "PENDING", category) : throw Refuses;
    }

    public Task<IReadOnlyList<ListedTemplate>> ListTemplatesAsync(MetaNumber number, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<ListedTemplate>>(Listed);

    public Task DeleteTemplateAsync(MetaNumber number, string name, string? metaTemplateId, CancellationToken ct) =>
        Called($"delete {name} {metaTemplateId}");

    public Task UnpauseTemplateAsync(MetaNumber number, string metaTemplateId, CancellationToken ct) => Called($"unpause {metaTemplateId}");

    public Task<SendOutcome> SendAsync(MetaNumber number, ReadOnlyMemory<byte> body, CancellationToken ct) =>
        throw new NotSupportedException("Templates send nothing.");

    public Task<NumberFacts> GetNumberAsync(MetaNumber number, CancellationToken ct) =>
        throw new NotSupportedException("Templates ask for no number.");

    public Task<NumberFacts> ProveAsync(MetaNumber number, CancellationToken ct) =>
        throw new NotSupportedException("Templates prove no number.");

    public Task MarkReadAsync(MetaNumber number, string wamid, bool typing, CancellationToken ct) => Task.CompletedTask;

    public Task SubscribeAsync(MetaNumber number, CancellationToken ct) =>
        throw new NotSupportedException("Templates subscribe to nothing.");

    public string Seal(string secret) => $"sealed {secret}";

    public string Open(string sealedSecret) => $"open {sealedSecret}";

    private Task Called(string call)
    {
        Calls.Add(call);
        return Refuses is null ? Task.CompletedTask : throw Refuses;
    }
}

/// <summary>An organization without files.</summary>
internal sealed class NoFiles : Bsp.Application.Media.IMediaForSending
{
    public Task RequireAsync(Guid organizationId, System.Text.Json.Nodes.JsonObject content, CancellationToken ct) => Task.CompletedTask;

    public Task<Bsp.Application.Media.PreparedContent> PrepareAsync(Guid organizationId, MetaNumber number, string content,
        CancellationToken ct) => Task.FromResult(new Bsp.Application.Media.PreparedContent(content, null, []));

    public Task<string> SampleAsync(Guid organizationId, MetaNumber number, Guid media, CancellationToken ct) =>
        throw new Bsp.Domain.Common.Refusal("media.unknown", "There is no such file.");

    public Task ForgetAsync(Guid organizationId, MetaNumber number, IReadOnlyList<Guid> media, CancellationToken ct) => Task.CompletedTask;
}
