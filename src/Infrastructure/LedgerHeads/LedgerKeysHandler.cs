using System.Buffers.Text;
using Bsp.Application.Ledger;
using Bsp.Infrastructure.Sealing;
using MediatR;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>The keys of <see cref="LogKeyRing"/> as JSON Web Keys.</summary>
public sealed class LedgerKeysHandler(LogKeyRing ring, LogSigner signer) : IRequestHandler<ListLedgerKeys, IReadOnlyList<LedgerKey>>
{
    public async Task<IReadOnlyList<LedgerKey>> Handle(ListLedgerKeys request, CancellationToken cancellationToken)
    {
        var keys = await ring.ListAsync(cancellationToken);
        return [.. keys.Select(key => Shown(key.KeyId, Convert.FromBase64String(key.PublicKey)))];
    }

    private LedgerKey Shown(string keyId, byte[] key) =>
        new("OKP", "Ed25519", keyId, Base64Url.EncodeToString(key), "sig", "EdDSA", Convert.ToHexStringLower(key),
            keyId == signer.CurrentId);
}
